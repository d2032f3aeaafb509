"""What the scripts of `tools/` share: reporting of invalid input, and arguments."""

import os
import signal
import sys
from argparse import (
    Action,
    ArgumentError,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
)
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Callable, Iterator, Optional, Sequence

import torch
from mmengine.config import DictAction

from .messages import join_lines

# What invalid input raises: in our code; in MMEngine, KeyError for an unknown type and
# TypeError for an unknown field; in MMPretrain, AssertionError.
INVALID = ValueError, TypeError, KeyError, OSError, ImportError, AssertionError
# A RuntimeError of MMPretrain's CustomDataset, of a folder without images.
NO_IMAGES = 'Found 0 files in'

SPACE = 2**20  # bytes that must be free on a disk before it is written to


@contextmanager
def report_invalid_input() -> Iterator[Callable[[], None]]:
    """Report invalid input as one line on stderr and exit with code 2.

    Ctrl-C, too, is reported as one line, with code 130.

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
    except (*INVALID, RuntimeError) as error:
        if not checking or not _is_invalid_input(error):
            raise
        print(f'{Path(sys.argv[0]).name}: error: {_one_line(error)}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        if not checking:
            raise
        print(f'\n{Path(sys.argv[0]).name}: interrupted', file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def _is_invalid_input(error: Exception) -> bool:
    return isinstance(error, INVALID) or str(error).startswith(NO_IMAGES)


def _one_line(error: Exception) -> str:
    """Return the message of an error, with its type if the message is one word."""
    if str(error).startswith(NO_IMAGES):
        return f'{join_lines(error)}; put images there, or check data_root.'
    # str(KeyError) would quote the message.
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    line = join_lines(message)
    return line if ' ' in line else f'{type(error).__name__}: {line}'


def add_network_arguments(parser: ArgumentParser) -> None:
    """Add the arguments `config` and `checkpoint`, which name a trained network.

    The parser must be used by `parse_network`.
    """
    parser.add_argument(
        'config', help='config file, model folder, or name of list_models'
    )
    parser.add_argument(
        'checkpoint', nargs='?', help='its checkpoint file; not for a model folder'
    )


def parse_network(parser: ArgumentParser) -> Namespace:
    """Parse the command line; a model folder is its own checkpoint.

    Args:
        parser: has the arguments of `add_network_arguments`.
    """
    args = parser.parse_intermixed_args()  # otherwise an option would end `checkpoint`
    if args.checkpoint is None:
        if not Path(args.config).expanduser().is_dir():
            parser.error(
                f'{args.config} is not a model folder; give its checkpoint as well'
            )
        args.checkpoint = args.config
    return args


def available_device(name: str) -> str:
    """Return the name of a device of PyTorch, for `type` of an argument.

    Raises:
        ArgumentTypeError: there is no such device on this machine.
    """
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # of PyTorch without CUDA
        reason = str(error).splitlines()[0]
        raise ArgumentTypeError(f'{name!r} cannot be used: {reason}') from error
    return name


def check_writable(folder: Path) -> None:
    """Check that files can be written to a folder, before hours of work.

    Args:
        folder: existing folder, or one to create; it is not created here.

    Raises:
        OSError: the file system is read-only or full, permission is missing, or a part
            of the path is a file.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with TemporaryFile(dir=existing) as file:
            file.write(bytes(SPACE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(
            f'{str(folder)!r} cannot be written: {error.strerror} ({existing}); give '
            'another path, or free space on that disk.'
        ) from error


class ConfigOptions(DictAction):
    """Collect arguments of the form KEY=VALUE in a dict, as MMEngine's `DictAction`.

    An argument of another form is invalid input instead of an unpacking error, and
    single values keep their spaces.
    """

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Sequence[str],
        option_string: Optional[str] = None,
    ) -> None:
        """Parse `values` and store the dict in `namespace`."""
        for text in values:
            if not text.partition('=')[1]:
                raise ArgumentError(self, f'{text!r} is not of the form KEY=VALUE')
        try:
            super().__call__(parser, namespace, values, option_string)
        except (AssertionError, RecursionError) as error:
            raise ArgumentError(
                self,
                f'the brackets in {" ".join(values)!r} cannot be read; close all of '
                'them, and write the fields of a dict one by one, as in '
                'default_hooks.ema.type=EMAHook',
            ) from error

    @staticmethod
    def _parse_iterable(val: str) -> object:
        plain = val.strip('\'"')
        if plain.startswith(('(', '[')) or ',' in plain:
            return DictAction._parse_iterable(val)
        return DictAction._parse_int_float_bool(plain)


class NamedFolders(Action):
    """Collect arguments of the form NAME=DIR in a dict of paths, by distinct names.

    Names appear in tables and legends: white space within them becomes one space.
    """

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
            name = ' '.join(name.split())
            if not name or not folder:
                raise ArgumentError(self, f'{text!r} is not of the form NAME=DIR')
            if name in found:
                raise ArgumentError(self, f'{name}: give each a name of its own')
            found[name] = Path(folder)
        setattr(namespace, self.dest, found)
