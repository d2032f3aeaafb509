"""Parts of error messages."""

from typing import Iterable


def first_names(names: Iterable[str], count: int = 3) -> str:
    """Return the first `count` names and the number of the others as text."""
    names = list(names)
    more = f' and {len(names) - count} more' if len(names) > count else ''
    return (', '.join(map(str, names[:count])) or 'nothing') + more


def join_lines(text: object) -> str:
    """Return a text on one line, with single spaces between its words."""
    return ' '.join(str(text).split())


def one_line(error: Exception) -> str:
    """Return the type and the message of an error on one line."""
    return join_lines(f'{type(error).__name__}: {error}')
