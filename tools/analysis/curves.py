"""One picture of several training runs: training loss and a validation metric.

Run: python tools/analysis/curves.py OUT.png NAME=DIR ... [--metric accuracy/top1]
"""

import argparse
from pathlib import Path
from typing import Dict, List

from mmadf.analysis import counts_epochs, read_log, training_curve, validation_curve
from mmadf.analysis.plots import import_pyplot, save_figure
from mmadf.utils.command_line import NamedFolders


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='picture to write')
    parser.add_argument(
        'runs', nargs='+', action=NamedFolders, metavar='NAME=DIR', help='runs to draw'
    )
    parser.add_argument(
        '--metric', default='accuracy/top1', help='name of a validation metric'
    )
    return parser.parse_args()


def plot_runs(runs: Dict[str, List[dict]], metric: str, path: Path) -> None:
    """Draw training losses on the left and the metric on the right.

    Args:
        runs: records of each run, see `read_log`.
        metric: name of a validation metric.
        path: picture to write.

    Raises:
        ValueError: some runs were validated by epochs and some by iterations.
    """
    units = {counts_epochs(records) for records in runs.values()}
    if len(units) > 1:
        raise ValueError(
            'curves.py: some runs count epochs and some iterations; draw them apart.'
        )
    plt = import_pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout='constrained')
    for name, records in runs.items():
        left.plot(*training_curve(records), label=name, linewidth=1)
        right.plot(*validation_curve(records, metric), label=name, marker='.')
    left.set(xlabel='iteration', ylabel='loss', title='training')
    unit = 'epoch' if units == {True} else 'iteration'
    right.set(xlabel=unit, ylabel=metric, title='validation images')
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    save_figure(figure, path)


def main() -> None:
    """Read the runs, draw them, print where each ended."""
    args = parse_args()
    runs = {name: read_log(work_dir) for name, work_dir in args.runs.items()}
    plot_runs(runs, args.metric, args.out)
    for name, records in runs.items():
        steps, values = validation_curve(records, args.metric)
        best = max(values)
        print(f'{name}: {values[-1]:.2f} at {steps[-1]}, highest {best:.2f}')
    print(f'picture: {args.out}')


if __name__ == '__main__':
    main()
