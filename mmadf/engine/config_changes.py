"""Differences between two configs that are given as text, which is never executed."""

import ast
from typing import Any, Dict, List, Optional

# Fields that differ between a run and its continuation.
OWN_FIELDS = {'resume', 'load_from', 'launcher', 'work_dir'}
# Where a dataset lies, which may change within a run.
LOCATIONS = ('data_root', 'ann_file')


def config_changes(former: str, current: str) -> List[str]:
    """Return one line for each field in which two configs differ.

    Args:
        former: text of a config, as MMEngine writes it: assignments of literals and
            calls of `dict`. It may come from an untrusted file: anything else in it is
            compared as text.
        current: text of another config.

    Raises:
        ValueError: one of them is not Python.
    """
    before, after = _fields(former), _fields(current)
    names = [
        name for name in {**before, **after} if before.get(name) != after.get(name)
    ]
    return [
        f'{name}: {before.get(name, "not set")} -> {after.get(name, "not set")}'
        for name in names
        if name.split('.')[0] not in OWN_FIELDS
    ]


def _fields(text: str) -> Dict[str, str]:
    """Return the text of each value by its dotted name."""
    found: Dict[str, str] = {}
    try:
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                _add(node.targets[0].id, node.value, found)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f'the text of a config cannot be parsed: {error}') from error
    return found


def _add(name: str, node: ast.expr, found: Dict[str, str]) -> None:
    """Add the values below a node."""
    children = _children(node)
    for key, child in children.items():
        _add(f'{name}.{key}', child, found)
    if not children:
        found[name] = ast.unparse(node)


def _children(node: ast.expr) -> Dict[Any, ast.expr]:
    """Return the values in a dict, a list or a tuple; {} for anything else."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
        return {keyword.arg: keyword.value for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        return dict(zip(map(_key, node.keys), node.values, strict=True))
    if isinstance(node, (ast.List, ast.Tuple)):
        return dict(enumerate(node.elts))
    return {}


def _key(node: Optional[ast.expr]) -> str:
    """Return the name of a key in a dict display; None stands for `**`."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return ast.unparse(node) if node else '**'
