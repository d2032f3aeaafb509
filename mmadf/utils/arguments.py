"""Checks of arguments that several components take."""

from numbers import Integral
from typing import Any


def check_dicts(owner: str, **fields: Any) -> None:
    """Require dicts of arguments, or None.

    Args:
        owner: type of the component, for the message.
        fields: values by argument name.

    Raises:
        TypeError: an argument that is neither.
    """
    for name, value in fields.items():
        if value is not None and not isinstance(value, dict):
            raise TypeError(
                f'{owner}: {name}={value!r} must be a dict of arguments, or None.'
            )


def is_count(value: Any) -> bool:
    """Return whether a value is an integer > 0, of Python or NumPy."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value > 0
