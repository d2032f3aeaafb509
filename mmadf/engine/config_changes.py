"""Differences between two configs that are given as text, which is never executed."""

from typing import Any, Dict, Iterator, List, Tuple

from .config_text import parse_config

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
    """Return each value that is no container, as text, by its dotted name."""
    fields = parse_config(text).items()
    return dict(pair for field in fields for pair in _leaves(*field))


def _leaves(name: str, value: Any) -> Iterator[Tuple[str, str]]:
    """Yield dotted names and texts of the values in a dict or a list."""
    children = value if isinstance(value, (dict, list)) else ()
    if not children:
        yield name, repr(value)
    items = children.items() if isinstance(children, dict) else enumerate(children)
    for key, child in items:
        yield from _leaves(f'{name}.{key}', child)
