"""Arguments that several scripts have."""

import sys
from argparse import Action, ArgumentError, ArgumentParser, Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Sequence


@contextmanager
def report_invalid_input() -> Iterator[None]:
    """End the program with 2 and one line where its input cannot be used."""
    try:
        yield
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f'{Path(sys.argv[0]).name}: error: {error}', file=sys.stderr)
        sys.exit(2)


class NamedFolders(Action):
    """Several folders with a name each, NAME=DIR, as a dict of paths."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Sequence[str],
        option_string: Optional[str] = None,
    ) -> None:
        """Split the words and keep them in `namespace`.

        Args:
            parser: reports what is wrong.
            namespace: takes the dict.
            values: words of the form NAME=DIR.
            option_string: the option before them, None for a positional argument.

        Raises:
            ArgumentError: another form, or a name that comes twice.
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
