"""Report of a finished training run: accuracy by readout, learning curves, confusion.

`write_report` does it all; the functions before it each make one part.
"""

import os
from collections import defaultdict
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Set, Tuple

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope
from mmpretrain.evaluation import Accuracy, ConfusionMatrix
from mmpretrain.registry import DATASETS
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmadf.engine.readouts import chosen_readout, predict_readouts
from mmadf.utils.optional import import_optional

from .cost import Cost, cost_by_part, total_cost
from .logs import is_validated, training_curve, validation_curve, validation_unit
from .plots import literal, plot_learning_curves, save_figure
from .tables import markdown_table

NAMES = dict(semantic='fused', appearance='appearance head', sum='sum of both')
TEST = 'test images'
VALIDATION = 'validation images, which also selected the best checkpoint'
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


def kind_of_images(cfg: Config, dataset: BaseDataset) -> str:
    """Return whether a test set consists of test images or of validation images.

    Args:
        cfg: config of the run.
        dataset: its test set.

    Returns:
        `TEST`, or `VALIDATION` if the validation set of the run contains some of the
        images, or has the same config.
    """
    val, test = (
        (cfg.get(f'{split}_dataloader') or {}).get('dataset') or {}
        for split in ('val', 'test')
    )
    if not val:
        return TEST
    if {**val, 'pipeline': None} == {**test, 'pipeline': None}:
        return VALIDATION
    try:
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            shared = _paths(DATASETS.build(val)) & _paths(dataset)
    except FileNotFoundError:  # the validation images are not on this machine
        return TEST
    return VALIDATION if shared else TEST


def _paths(dataset: BaseDataset) -> Set[str]:
    """Return the paths of the images, empty for data sets of another kind."""
    if not hasattr(dataset, 'get_data_info'):
        return set()
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    return {os.path.realpath(i['img_path']) for i in infos if i.get('img_path')}


def readout_table(scores: Dict[str, Tensor], labels: Tensor, cost: Cost) -> str:
    """Return accuracy by readout, and the cost of the network, as a Markdown table."""
    costs = f'{cost.parameters / 1e6:.3f}', f'{cost.multiply_adds / 1e9:.4f}'
    rows = []
    for name, probabilities in scores.items():
        top1 = Accuracy.calculate(probabilities, labels, topk=(1,))[0][0].item()
        rows.append([name, f'{top1:.2f}', *costs])
    return markdown_table(HEADER, rows)


def plot_run(records: List[dict], path: Path) -> None:
    """Plot the losses of both heads, or the only loss, and the validation accuracy.

    The plot of a run without validation has no accuracy.
    """
    logged = {key for record in records for key in record if key.endswith('_loss')}
    keys = sorted(logged - {'orthogonality_loss'}) or ['loss']
    losses = {key: training_curve(records, key) for key in keys}
    metrics = {'top-1': validation_curve(records)} if is_validated(records) else {}
    unit = validation_unit(records)
    plot_learning_curves(losses, metrics, 'accuracy (%)', unit, path, yscale='log')


def plot_confusion(
    scores: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    path: Path,
    images: str = TEST,
) -> None:
    """Plot the confusion matrix of images of the kind `images`."""
    matrix = ConfusionMatrix.calculate(scores, labels, num_classes=len(classes))
    figure = ConfusionMatrix.plot(
        matrix,
        include_values=len(classes) <= 20,
        cmap='Blues',
        classes=[literal(name) for name in classes],
    )
    title = f'Confusion matrix, {len(labels)} {images.split(",")[0]}'
    figure.axes[0].set(xlabel='predicted class', ylabel='true class', title=title)
    figure.set_size_inches(7, 6)
    save_figure(figure, path, tight=True)


def write_report(
    model: nn.Module,
    loader: DataLoader,
    records: List[dict],
    out: Path,
    images: str = TEST,
) -> str:
    """Test a network and write `readouts.md`, `curve.png` and `confusion_matrix.png`.

    Args:
        model: a classifier in evaluation mode.
        loader: of the test set.
        records: log of its training run, see `read_log`.
        out: folder to write to.
        images: what the images of the test set are, see `kind_of_images`.

    Returns:
        The content of `readouts.md`.
    """
    scores, labels = collect_scores(model, loader)
    size = tuple(loader.dataset[0]['inputs'].shape[-2:])
    names = dict(NAMES)
    if not getattr(model, 'mappers', ()):
        names['semantic'] = 'semantic head'
    rows = {names.get(readout, readout): found for readout, found in scores.items()}
    table = readout_table(rows, labels, total_cost(cost_by_part(model, size)))
    text = f'{len(labels)} {images}\n\n{table}'
    (out / 'readouts.md').write_text(text + '\n')
    plot_run(records, out / 'curve.png')
    chosen = scores[chosen_readout(model)]
    classes = loader.dataset.metainfo.get('classes') or range(chosen.shape[1])
    names = [str(name) for name in classes]
    plot_confusion(chosen, labels, names, out / 'confusion_matrix.png', images)
    return text
