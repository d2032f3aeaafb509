"""Compare the robustness of several networks that tools/robustness.py has tested.

Run: python tools/analysis/robustness.py OUT.png NAME=DIR [NAME=DIR ...]

DIR is an output folder of tools/robustness.py. If it contains several of them, for
example DIR/seed1 and DIR/seed2, the table shows mean and standard deviation. The table,
OUT.md, has one column per network and one row per condition under which all of them
were tested; signs of gradient masking follow. OUT.png plots accuracy over the strength
of attacks and of corruptions.
"""

import argparse
from pathlib import Path
from typing import Dict, List

import mmadf  # noqa: F401  registers
from mmadf.analysis.plots import check_figure
from mmadf.experiments.reports import (
    RESULTS,
    read_robustness_report,
    write_robustness_comparison,
)
from mmadf.experiments.robustness.summary import Row
from mmadf.utils.command_line import NamedFolders, report_invalid_input

# Settings that may differ between networks that are compared.
MAY_DIFFER = ('network', 'transferred from', 'batch_size', 'device')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'out', type=Path, help='image file to write; the table is written next to it'
    )
    parser.add_argument(
        'networks',
        nargs='+',
        action=NamedFolders,
        metavar='NAME=DIR',
        help='name of a network, and output folder, or folders, of tools/robustness.py',
    )
    return parser.parse_args()


def read(networks: Dict[str, Path]) -> Dict[str, List[List[Row]]]:
    """Return the rows of each test of each network.

    Raises:
        FileNotFoundError: a folder has no results.
        ValueError: a folder has results of its own and folders of others; or the
            networks were tested with different settings or images.
    """
    results: Dict[str, List[List[Row]]] = {}
    tested = {}
    for name, folder in networks.items():
        inside = [path.parent for path in sorted(folder.glob(f'*/{RESULTS}'))]
        if inside and (folder / RESULTS).exists():
            raise ValueError(
                f'{folder} has a {RESULTS}, and so has {inside[0]}; move one of them, '
                'or give the folder of one test.'
            )
        for test in inside or [folder]:
            rows, settings = read_robustness_report(test)
            results.setdefault(name, []).append(rows)
            tested[test] = {k: v for k, v in settings.items() if k not in MAY_DIFFER}
    (first, expected), *others = tested.items()
    for test, found in others:
        if found != expected:
            raise ValueError(
                f'{test} was tested with {found}, {first} with {expected}; test both '
                'with the same options and images.'
            )
    return results


def main() -> None:
    """Compare the networks and plot their accuracy."""
    args = parse_args()
    with report_invalid_input():
        check_figure(args.out)
        results = read(args.networks)
    print(write_robustness_comparison(results, args.out))
    print(f'\nWritten to {args.out} and {args.out.with_suffix(".md")}')


if __name__ == '__main__':
    main()
