"""What the scripts of `tools/` share: reporting of invalid input, and an argument."""

import sys
from argparse import Action, ArgumentError, ArgumentParser, Namespace
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Callable, Iterator, NoReturn, Optional, Sequence

# What unsuitable arguments, configs, files and missing packages raise in our code,
# MMEngine (KeyError: unknown types) and MMPretrain (AssertionError: its checks).
INVALID = (
    AssertionError,
    ImportError,
    KeyError,
    OSError,
    TypeError,
    UnpicklingError,
    ValueError,
)


@contextmanager
def report_invalid_input() -> Iterator[Callable[[], None]]:
    """Report invalid input as one line on stderr and exit with code 2.

    Wrap everything that runs before the work starts: reading arguments and configs,
    building networks and data sets, loading checkpoints. If the work starts within the
    block, call the function that the context manager returns: errors after the call
    keep their tracebacks. With `python -X dev` all errors do.

    .. code-block:: python

        with report_invalid_input() as start_work:
            runner = build_runner(cfg)
            runner.register_hook(StartHook(start_work))
            runner.train()
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
        exit_with(error)


def exit_with(error: Exception) -> NoReturn:
    """Print an error as one line that starts with the name of the script; exit with 2.

    Args:
        error: its message is printed, with its type where the message is one word.
    """
    # str(KeyError) quotes its message.
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    line = ' '.join(str(message).split())
    if ' ' not in line:
        line = f'{type(error).__name__}: {line}'
    print(f'{Path(sys.argv[0]).name}: error: {line}', file=sys.stderr)
    sys.exit(2)


class NamedFolders(Action):
    """Collect arguments of the form NAME=DIR in a dict of paths."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Sequence[str],
        option_string: Optional[str] = None,
    ) -> None:
        """Parse the arguments and store the dict in `namespace`.

        Args:
            parser: parser that reports errors.
            namespace: receives the dict.
            values: arguments of the form NAME=DIR.
            option_string: option they belong to; None for a positional argument.

        Raises:
            ArgumentError: an argument of another form, or a repeated name.
        """
        found = {}
        for text in values:
            name, _, folder = text.partition('=')
            if not name or not folder:
                raise ArgumentError(self, f'{text!r} is not of the form NAME=DIR')
            if name in found:
                raise ArgumentError(self, f'{name}: give each a name of its own')
            found[name] = Path(folder)
        setattr(namespace, self.dest, found)
