"""Command lines of `tools/`: reporting of invalid input, and NAME=DIR arguments."""

import sys
from argparse import Action, ArgumentError, ArgumentParser, Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence

# What invalid input raises: in our code; in MMEngine, KeyError for an unknown type and
# TypeError for an unknown field; in MMPretrain, AssertionError.
INVALID = ValueError, TypeError, KeyError, OSError, ImportError, AssertionError


@contextmanager
def report_invalid_input() -> Iterator[Callable[[], None]]:
    """Report invalid input as one line on stderr and exit with code 2.

    Wrap everything that runs before the work starts: reading arguments and configs,
    building networks and data sets, loading checkpoints. If the work starts within the
    block, call the function that the context manager returns: errors after the call
    keep their tracebacks. With `python -X dev` all errors do.
    """
    checking = not sys.flags.dev_mode

    def _start_work() -> None:
        nonlocal checking
        checking = False

    try:
        yield _start_work
    except INVALID as error:
        if not checking:
            raise
        print(f'{Path(sys.argv[0]).name}: error: {_one_line(error)}', file=sys.stderr)
        sys.exit(2)


def _one_line(error: Exception) -> str:
    """Return the message of an error, with its type if the message is one word."""
    # str(KeyError) would quote the message.
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    line = ' '.join(str(message).split())
    return line if ' ' in line else f'{type(error).__name__}: {line}'


class NamedFolders(Action):
    """Collect arguments of the form NAME=DIR in a dict of paths, by distinct names."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Sequence[str],
        option_string: Optional[str] = None,
    ) -> None:
        """Parse `values` and store the dict in `namespace`."""
        found = {}
        for text in values:
            name, _, folder = text.partition('=')
            if not name or not folder:
                raise ArgumentError(self, f'{text!r} is not of the form NAME=DIR')
            if name in found:
                raise ArgumentError(self, f'{name}: give each a name of its own')
            found[name] = Path(folder)
        setattr(namespace, self.dest, found)
