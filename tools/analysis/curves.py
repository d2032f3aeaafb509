"""Plot the learning curves of several training runs in one figure.

Run: python tools/analysis/curves.py OUT.png NAME=DIR ... [--metric accuracy/top1]

Draws training loss and a validation metric, and prints the last and the highest value
of the metric of each run.
"""

import argparse
from pathlib import Path
from typing import Dict, List

from mmadf.analysis import read_log, training_curve, validation_curve, validation_unit
from mmadf.analysis.plots import check_figure, plot_learning_curves
from mmadf.utils.command_line import NamedFolders, report_invalid_input


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='figure to write')
    parser.add_argument(
        'runs',
        nargs='+',
        action=NamedFolders,
        metavar='NAME=DIR',
        help='work directories, each with the name to write beside its curves',
    )
    parser.add_argument(
        '--metric', default='accuracy/top1', help='validation metric to plot'
    )
    return parser.parse_args()


def unit_of(runs: Dict[str, List[dict]]) -> str:
    """Return 'epoch' or 'iteration', in which all runs count validations.

    Raises:
        ValueError: some runs count epochs, others iterations.
    """
    units = {name: validation_unit(records) for name, records in runs.items()}
    if len(set(units.values())) > 1:
        raise ValueError(
            f'runs are validated by different units, {units}; plot them separately.'
        )
    return next(iter(units.values()))


def main() -> None:
    """Read the runs, plot them, and print their last and highest metrics."""
    args = parse_args()
    with report_invalid_input():
        check_figure(args.out)
        runs = {name: read_log(work_dir) for name, work_dir in args.runs.items()}
        unit = unit_of(runs)
        losses = {name: training_curve(records) for name, records in runs.items()}
        metrics = {
            name: validation_curve(records, args.metric)
            for name, records in runs.items()
        }
    plot_learning_curves(losses, metrics, args.metric, unit, args.out)
    for name, (steps, values) in metrics.items():
        print(f'{name}: {values[-1]:.2f} at {steps[-1]}, highest {max(values):.2f}')
    print(f'figure: {args.out}')


if __name__ == '__main__':
    main()
