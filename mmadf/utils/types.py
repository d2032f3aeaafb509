"""Names of the component types in configs."""

from typing import Any


def type_name(kind: Any) -> str:
    """Return the name of a component type, without module or scope.

    Args:
        kind: `type` of a part of a config: a name, a dotted name, a class, or None.

    Returns:
        The name of the class, or '' for None.
    """
    name = getattr(kind, '__name__', kind)
    return '' if name is None else str(name).split('.')[-1]
