"""Compare the robustness of several networks that tools/robustness.py has tested.

Run: python tools/analysis/robustness.py OUT.png NAME=DIR [NAME=DIR ...]

Prints a table with one column per network and one row per condition under which all of
them were tested, and any signs of gradient masking; plots accuracy over the strength of
attacks and of corruptions.
"""

import argparse
from pathlib import Path
from typing import Dict, List

import mmadf  # noqa: F401  registers
from mmadf.analysis.plots import check_figure
from mmadf.experiments.plots import plot_robustness
from mmadf.experiments.reports import read_robustness_report
from mmadf.experiments.robustness.masking import masking_warnings
from mmadf.experiments.robustness.summary import Row, common_conditions
from mmadf.experiments.tables import comparison_table
from mmadf.utils.command_line import NamedFolders, report_invalid_input

# Settings that may differ between networks that are compared.
MAY_DIFFER = ('network', 'transferred from', 'batch_size', 'device')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='image file to write')
    parser.add_argument(
        'networks',
        nargs='+',
        action=NamedFolders,
        metavar='NAME=DIR',
        help='name of a network, and output folder of tools/robustness.py',
    )
    return parser.parse_args()


def read(networks: Dict[str, Path]) -> Dict[str, List[Row]]:
    """Return the rows of each network.

    Raises:
        FileNotFoundError: a folder has no results.
        ValueError: the networks were tested with different settings.
    """
    results, tests = {}, {}
    for name, folder in networks.items():
        results[name], settings = read_robustness_report(folder)
        tests[name] = {k: v for k, v in settings.items() if k not in MAY_DIFFER}
    (first, expected), *others = tests.items()
    for name, found in others:
        if found != expected:
            raise ValueError(
                f'{name} was tested with {found}, {first} with {expected}; test both '
                'with the same options.'
            )
    return results


def main() -> None:
    """Compare the networks and plot their accuracy."""
    args = parse_args()
    with report_invalid_input():
        check_figure(args.out)
        results = read(args.networks)
    print(comparison_table(results))
    for name, rows in results.items():
        for text in masking_warnings(rows):
            print(f'\n{name}: possible gradient masking: {text}')
    plot_robustness(common_conditions(results), args.out)
    print(f'\nWritten to {args.out}')


if __name__ == '__main__':
    main()
