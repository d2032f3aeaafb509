"""Configs that are given as text, which is read without being executed."""

import ast
from typing import Any, Dict


def parse_config(text: str) -> Dict[str, Any]:
    """Return the fields of a config that is given as text, without executing it.

    Args:
        text: as MMEngine writes it: assignments of literals and calls of `dict`.
            Anything else becomes text.

    Raises:
        ValueError: the text is not Python.
    """
    try:
        return {
            node.targets[0].id: _value(node.value)
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f'the text of a config cannot be parsed: {error}') from error


def _value(node: ast.expr) -> Any:
    if _is_dict_call(node):
        found = {}
        for argument in node.args:  # keys that are no names, as in dict({'.bias': 1})
            if isinstance(argument, ast.Dict) or _is_dict_call(argument):
                found |= _value(argument)
        return found | {keyword.arg: _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        keys = (str(_value(key)) if key else '**' for key in node.keys)
        return dict(zip(keys, map(_value, node.values), strict=True))
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(item) for item in node.elts]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):  # TypeError of a set of lists
        return ast.unparse(node)


def _is_dict_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict'
