"""Parts of error messages."""

from typing import Iterable


def first_names(names: Iterable[str], count: int = 3) -> str:
    """Return the first `count` names and the number of the others as text."""
    names = list(names)
    more = f' and {len(names) - count} more' if len(names) > count else ''
    return (', '.join(map(str, names[:count])) or 'nothing') + more


def one_line(error: Exception) -> str:
    """Return the type and the message of an error as one line."""
    return ' '.join(f'{type(error).__name__}: {error}'.split())
