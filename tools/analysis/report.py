"""Table and pictures of a finished training run.

Run: python tools/analysis/report.py CONFIG WORK_DIR [--checkpoint FILE]

Prints accuracy by readout (the fused semantic head, the appearance head, the sum
of both logits), parameters and multiply-adds, and writes beside the checkpoints:
`readouts.md`, `curve.png` and `confusion_matrix.png`.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, List, Sequence

from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.evaluation import Accuracy, ConfusionMatrix
from torch import Tensor, nn

from mmadf.analysis import (
    Cost,
    collect_scores,
    cost_by_part,
    counts_epochs,
    read_log,
    total_cost,
    training_curve,
    validation_curve,
)
from mmadf.analysis.plots import import_pyplot, save_figure
from mmadf.analysis.tables import markdown_table
from mmadf.engine import launch
from mmadf.engine.config import set_dataloader_defaults
from mmadf.engine.readouts import chosen_readout
from mmadf.engine.work_dir import best_checkpoint

NAMES = dict(semantic='fused', appearance='appearance head', sum='sum of both')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file of the run')
    parser.add_argument('work_dir', type=Path, help='folder of the run')
    parser.add_argument('--checkpoint', help='default: the best one of the run')
    args = parser.parse_args()
    if args.checkpoint is None:
        args.checkpoint = best_checkpoint(args.work_dir)
        if args.checkpoint is None:
            parser.error(f'no best_*.pth in {args.work_dir}; name a --checkpoint')
    return args


def build_runner(args: argparse.Namespace, scratch: str) -> Runner:
    """Return a Runner with the checkpoint loaded, which logs into `scratch`."""
    cfg = Config.fromfile(args.config)
    cfg.work_dir, cfg.load_from = scratch, args.checkpoint
    cfg.launcher, cfg.log_level = 'none', 'WARNING'
    cfg.custom_hooks = []  # a checkpoint holds EMA weights as the model's own
    set_dataloader_defaults(cfg, persistent_workers=False)
    runner = launch.build_runner(cfg, splits=('test',))
    runner.load_or_resume()
    return runner


def row_name(readout: str, model: nn.Module) -> str:
    """Return what a readout is called in the table."""
    if readout == 'semantic' and not model.mappers:
        return 'semantic head'
    return NAMES.get(readout, readout)


def readout_table(scores: Dict[str, Tensor], labels: Tensor, cost: Cost) -> str:
    """Return accuracy by readout and the cost as a Markdown table."""
    costs = f'{cost.parameters / 1e6:.3f}', f'{cost.multiply_adds / 1e9:.4f}'
    rows = []
    for name, probabilities in scores.items():
        top1 = Accuracy.calculate(probabilities, labels, topk=(1,))[0][0].item()
        rows.append([name, f'{top1:.2f}', *costs])
    head = ['readout', 'top-1 (%)', 'parameters (M)', 'GFLOPs (multiply-adds)']
    return markdown_table(head, rows)


def plot_curve(records: List[dict], path: Path) -> None:
    """Plot losses over iterations and validation accuracy over the run."""
    plt = import_pyplot()
    losses = {key for r in records for key in r if key.endswith('_loss')}
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    for key in sorted(losses - {'orthogonality_loss'}) or ['loss']:
        left.plot(*training_curve(records, key), label=key)
    left.set(xlabel='iteration', ylabel='cross-entropy', yscale='log', title='training')
    left.legend()
    right.plot(*validation_curve(records), marker='.')
    unit = 'epoch' if counts_epochs(records) else 'iteration'
    right.set(xlabel=unit, ylabel='top-1 (%)', title='validation images')
    right.xaxis.set_major_locator(plt.MaxNLocator(integer=True))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    save_figure(figure, path)


def plot_confusion(
    scores: Tensor, labels: Tensor, classes: Sequence[str], path: Path
) -> None:
    """Plot which class was taken for which."""
    matrix = ConfusionMatrix.calculate(scores, labels, num_classes=len(classes))
    figure = ConfusionMatrix.plot(
        matrix, include_values=len(classes) <= 20, cmap='Blues', classes=classes
    )
    axes = figure.axes[0]
    axes.set(
        xlabel='predicted', ylabel='true', title=f'{len(labels)} test images, count'
    )
    figure.set_size_inches(7, 6)
    save_figure(figure, path, tight=True)


def main() -> None:
    """Test a run and report it."""
    args = parse_args()
    import_pyplot()  # found missing before the test, not behind it
    with TemporaryDirectory() as scratch:
        report(args, build_runner(args, scratch))


def report(args: argparse.Namespace, runner: Runner) -> None:
    """Write the table and the pictures."""
    scores, labels = collect_scores(runner)
    dataset = runner.test_dataloader.dataset
    size = tuple(dataset[0]['inputs'].shape[-2:])
    cost = total_cost(cost_by_part(runner.model, size))
    rows = {row_name(name, runner.model): value for name, value in scores.items()}
    table = readout_table(rows, labels, cost)
    (args.work_dir / 'readouts.md').write_text(table + '\n')
    plot_curve(read_log(args.work_dir), args.work_dir / 'curve.png')
    decision = scores[chosen_readout(runner.model)]
    classes = dataset.metainfo.get('classes') or range(decision.shape[1])
    plot_confusion(
        decision,
        labels,
        [str(c) for c in classes],
        args.work_dir / 'confusion_matrix.png',
    )
    print(f'\n{args.checkpoint}, {len(labels)} test images\n\n{table}\n')
    print(f'table:            {args.work_dir / "readouts.md"}')
    print(f'training curve:   {args.work_dir / "curve.png"}')
    print(f'confusion matrix: {args.work_dir / "confusion_matrix.png"}')


if __name__ == '__main__':
    main()
