"""Report of a finished training run: accuracy by readout, learning curves, confusion.

`write_report` does it all; the functions before it each make one part.
"""

from collections import defaultdict
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Tuple

import torch
from mmpretrain.evaluation import Accuracy, ConfusionMatrix
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmadf.engine.readouts import chosen_readout, predict_readouts
from mmadf.utils.optional import import_optional

from .cost import Cost, cost_by_part, total_cost
from .logs import training_curve, validation_curve, validation_unit
from .plots import plot_learning_curves, save_figure
from .tables import markdown_table

NAMES = dict(semantic='fused', appearance='appearance head', sum='sum of both')
HEADER = ('readout', 'top-1 (%)', 'parameters (M)', 'multiply-adds (G)')


@torch.no_grad()
def collect_scores(
    model: nn.Module, batches: Iterable[dict]
) -> Tuple[Dict[str, Tensor], Tensor]:
    """Return the probabilities of every readout, and the labels, of a test set.

    Args:
        model: a classifier in evaluation mode.
        batches: data loader of the test set.

    Returns:
        Probabilities by readout, (N, num_classes) each, on the CPU, and labels, (N,). A
        classifier without readouts has the one readout 'prediction'.
    """
    scores: Dict[str, List[Tensor]] = defaultdict(list)
    labels: List[Tensor] = []
    for batch in import_optional('tqdm').tqdm(batches, desc='test', unit='batch'):
        predictions = predict_readouts(model, batch)
        for readout, samples in predictions.items():
            scores[readout] += [sample.pred_score.cpu() for sample in samples]
        labels += [sample.gt_label.cpu() for sample in samples]
    return {name: torch.stack(rows) for name, rows in scores.items()}, torch.cat(labels)


def readout_table(scores: Dict[str, Tensor], labels: Tensor, cost: Cost) -> str:
    """Return accuracy by readout, and the cost of the network, as a Markdown table."""
    costs = f'{cost.parameters / 1e6:.3f}', f'{cost.multiply_adds / 1e9:.4f}'
    rows = []
    for name, probabilities in scores.items():
        top1 = Accuracy.calculate(probabilities, labels, topk=(1,))[0][0].item()
        rows.append([name, f'{top1:.2f}', *costs])
    return markdown_table(HEADER, rows)


def plot_run(records: List[dict], path: Path) -> None:
    """Plot the losses of both heads, or the only loss, and the validation accuracy."""
    logged = {key for record in records for key in record if key.endswith('_loss')}
    keys = sorted(logged - {'orthogonality_loss'}) or ['loss']
    losses = {key: training_curve(records, key) for key in keys}
    metrics = {'top-1': validation_curve(records)}
    unit = validation_unit(records)
    plot_learning_curves(losses, metrics, 'accuracy (%)', unit, path, yscale='log')


def plot_confusion(
    scores: Tensor, labels: Tensor, classes: Sequence[str], path: Path
) -> None:
    """Plot the confusion matrix of the test images."""
    matrix = ConfusionMatrix.calculate(scores, labels, num_classes=len(classes))
    figure = ConfusionMatrix.plot(
        matrix, include_values=len(classes) <= 20, cmap='Blues', classes=classes
    )
    title = f'Confusion matrix, {len(labels)} test images'
    figure.axes[0].set(xlabel='predicted class', ylabel='true class', title=title)
    figure.set_size_inches(7, 6)
    save_figure(figure, path, tight=True)


def write_report(
    model: nn.Module, loader: DataLoader, records: List[dict], out: Path
) -> str:
    """Test a network and write `readouts.md`, `curve.png` and `confusion_matrix.png`.

    Args:
        model: a classifier in evaluation mode.
        loader: of the test set.
        records: log of its training run, see `read_log`.
        out: folder to write to.

    Returns:
        The table of `readouts.md`.
    """
    scores, labels = collect_scores(model, loader)
    size = tuple(loader.dataset[0]['inputs'].shape[-2:])
    names = dict(NAMES)
    if not getattr(model, 'mappers', ()):
        names['semantic'] = 'semantic head'
    rows = {names.get(readout, readout): found for readout, found in scores.items()}
    table = readout_table(rows, labels, total_cost(cost_by_part(model, size)))
    (out / 'readouts.md').write_text(table + '\n')
    plot_run(records, out / 'curve.png')
    chosen = scores[chosen_readout(model)]
    classes = loader.dataset.metainfo.get('classes') or range(chosen.shape[1])
    names = [str(name) for name in classes]
    plot_confusion(chosen, labels, names, out / 'confusion_matrix.png')
    return table
