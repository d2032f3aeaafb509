"""Checks of arguments that several components take."""

import math
from numbers import Integral, Real
from typing import Any, Callable


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


def check_numbers(
    owner: str,
    allowed: str = '',
    is_allowed: Callable[[float], bool] = lambda value: True,
    **numbers: Any,
) -> None:
    """Require finite numbers in a range.

    Args:
        owner: type of the component, for the message.
        allowed: the range in words that follow "a finite number", such as ' > 0';
            by default all.
        is_allowed: returns whether a finite number is in the range.
        numbers: values by argument name.

    Raises:
        ValueError: an argument that is none.
    """
    for name, value in numbers.items():
        is_finite = isinstance(value, Real) and math.isfinite(value)
        if not is_finite or not is_allowed(value):
            raise ValueError(
                f'{owner}: {name}={value!r} must be a finite number{allowed}.'
            )


def check_counts(owner: str, **counts: Any) -> None:
    """Require integers > 0.

    Args:
        owner: type of the component, for the message.
        counts: values by argument name.

    Raises:
        ValueError: an argument that is none.
    """
    for name, value in counts.items():
        if not is_count(value):
            raise ValueError(f'{owner}: {name}={value!r} must be an integer > 0.')


def is_count(value: Any) -> bool:
    """Return whether a value is an integer > 0, of Python or NumPy."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value > 0
