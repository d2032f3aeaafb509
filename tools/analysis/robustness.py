"""Robustness of several networks, as tools/robustness.py found it, side by side.

Run: python tools/analysis/robustness.py OUT.png NAME=DIR [NAME=DIR ...]

Prints a table with one column a network and one row for each condition that all of
them were tested under, and the warnings of each, and draws accuracy over eps and over
severity.
"""

import argparse
from pathlib import Path
from typing import Dict, List

import mmadf  # noqa: F401  registers
from mmadf import robustness
from mmadf.utils.command_line import NamedFolders

RESULTS = 'results.json'
# What may differ between networks that are compared.
OF_EACH = ('network', 'transferred from', 'batch_size', 'device')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='picture to write')
    parser.add_argument(
        'networks', nargs='+', action=NamedFolders, metavar='NAME=DIR', help='of each'
    )
    args = parser.parse_args()
    for folder in args.networks.values():
        if not (folder / RESULTS).is_file():
            parser.error(
                f'no {folder / RESULTS}; run tools/robustness.py with --out {folder}'
            )
    return args


def read(networks: Dict[str, Path]) -> Dict[str, List[robustness.Row]]:
    """Return the rows of each network.

    Raises:
        ValueError: they were tested on other images, or by other attacks.
    """
    results, tests = {}, {}
    for name, folder in networks.items():
        results[name], settings = robustness.read_results(folder / RESULTS)
        tests[name] = {k: v for k, v in settings.items() if k not in OF_EACH}
    (first, expected), *others = tests.items()
    for name, found in others:
        if found != expected:
            raise ValueError(
                f'{name} was tested with {found}, {first} with {expected}; test both '
                'with the same options.'
            )
    return results


def main() -> None:
    """Compare and draw."""
    args = parse_args()
    results = read(args.networks)
    print(robustness.compare(results))
    for name, rows in results.items():
        for text in robustness.masking_warnings(rows):
            print(f'\n{name}: gradient masking? {text}', end='')
    robustness.draw(robustness.shared(results), args.out)
    print(f'\n\npicture: {args.out}')


if __name__ == '__main__':
    main()
