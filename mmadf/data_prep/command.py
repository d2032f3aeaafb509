"""The command line that the converters share."""

import argparse
from pathlib import Path
from typing import Optional, Sequence

from .layouts import Layout
from .prepare import REPORT, prepare


def run_converter(
    layout: Layout,
    description: str,
    val_fraction: float = 0.1,
    arguments: Optional[Sequence[str]] = None,
) -> None:
    """Run `prepare` as a command and print what it found.

    Args:
        layout: which data set.
        description: docstring of the script.
        val_fraction: default of the option of that name.
        arguments: command line, None for that of the process.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('archive', type=Path, help='zip, tar or extracted folder')
    parser.add_argument('root', type=Path, help='folder to create')
    parser.add_argument(
        '--val-fraction',
        type=float,
        default=val_fraction,
        help='part of each training class that validates, default %(default)s',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the validation set')
    parser.add_argument(
        '--any-counts', action='store_true', help='accept other numbers of images'
    )
    try:
        args = parser.parse_args(arguments)
        report = prepare(layout, **vars(args))
    except ValueError as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')
    print(summary(report))
    print(f'report: {args.root / REPORT}')


def summary(report: dict) -> str:
    """Return the lines that a user reads of a report of `prepare`.

    Args:
        report: what `prepare` returned.
    """
    lines = [
        f'{split}: {sum(classes.values()):,} images in {len(classes)} classes'
        for split, classes in report['counts'].items()
    ]
    for key, meaning in dict(
        unreadable='images could not be read and were left out',
        duplicates='groups of equal images within a split',
        leaks='groups of equal images in more than one split',
    ).items():
        found = report[key]
        first = f' (first: {list(found)[0]})' if found else ''
        lines.append(f'{len(found):,} {meaning}{first}')
    return '\n'.join(lines)
