"""The command line shared by the dataset converters."""

import argparse
from pathlib import Path

from mmadf.utils.command_line import report_invalid_input

from .layouts import Layout
from .prepare import REPORT, prepare

FINDINGS = dict(
    unreadable='unreadable images, left out',
    duplicates='groups of identical images within a split',
    leaks='groups of identical images across splits',
)


def run_converter(layout: Layout, description: str, val_fraction: float = 0.1) -> None:
    """Run `prepare` as a command and print a summary of its report.

    Args:
        layout: dataset to convert.
        description: docstring of the script.
        val_fraction: default of the option of that name.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('archive', type=Path, help='zip or tar file, or its content')
    parser.add_argument('root', type=Path, help='folder to create')
    parser.add_argument(
        '--val-fraction',
        type=float,
        default=val_fraction,
        help='fraction of each training class held out for validation '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the validation set'
    )
    parser.add_argument(
        '--any-counts',
        action='store_true',
        help='accept other numbers of images and classes than the published ones',
    )
    args = parser.parse_args()
    with report_invalid_input() as start_work:
        report = prepare(layout, **vars(args), on_start=start_work)
    for split, classes in report['counts'].items():
        print(f'{split}: {sum(classes.values()):,} images in {len(classes)} classes')
    for key, meaning in FINDINGS.items():
        first = f' (first: {list(report[key])[0]})' if report[key] else ''
        print(f'{len(report[key]):,} {meaning}{first}')
    print(f'report: {args.root / REPORT}')
