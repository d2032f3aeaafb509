"""What Wise-SrNet has learned about positions: its kernels as maps, and a plot."""

from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from mmadf.models.layers.spatial_kernel import SpatialKernel
from mmadf.utils.modes import evaluating

from .plots import import_pyplot, literal, save_figure


class SpatialMaps(NamedTuple):
    """Weights by position.

    `kernels`, (C, h, w), one per channel, or C = 1 if all channels share one; `classes`
    the kernels weighted by the classifier for each class, (K, h, w), None unless a
    linear classifier follows.
    """

    kernels: Tensor
    classes: Optional[Tensor]


def spatial_maps(model: nn.Module) -> Dict[str, SpatialMaps]:
    """Return the learned maps of every `WiseSrNetHead` and `WiseSrNetPooling`.

    The map of class k is the sum over channels c of fc[k, c] * kernel[c]: the
    contribution of a position to the logit if every channel is 1 there. A neck is
    followed by the `fc` of its head.

    Args:
        model: a classifier.

    Returns:
        Maps by slot, as 'head' or 'appearance_neck', on the CPU, with the weights that
        evaluation uses.

    Raises:
        ValueError: the network has no such kernel.
    """
    found = {}
    with evaluating(model):
        for name, module in model.named_modules():
            if isinstance(module, SpatialKernel):
                slot = name.partition('.')[0]
                kernels = module.effective_weight().detach()[:, 0].float().cpu()
                found[slot] = SpatialMaps(kernels, _class_maps(model, slot, kernels))
    if not found:
        slots = {name: type(child).__name__ for name, child in model.named_children()}
        raise ValueError(
            f'spatial_maps: no WiseSrNetHead or WiseSrNetPooling with a kernel among '
            f"{slots}; give a network with one, whose pooling is 'depthwise' or "
            "'shared'."
        )
    return found


def _class_maps(model: nn.Module, slot: str, kernels: Tensor) -> Optional[Tensor]:
    """Weight the kernels by the linear layer that follows, (K, h, w)."""
    head = getattr(model, slot.removesuffix('neck').removesuffix('head') + 'head', None)
    fc = getattr(head, 'fc', None)
    if not isinstance(fc, nn.Linear) or len(kernels) not in (1, fc.in_features):
        return None
    weight = fc.weight.detach().float().cpu()
    return torch.einsum('kc,chw->khw', weight, kernels.expand(weight.shape[1], -1, -1))


def plot_spatial_maps(
    found: Dict[str, SpatialMaps],
    names_of: Callable[[int], Sequence[str]],
    counts: Tuple[int, int],
    path: Path,
) -> None:
    """Plot mean and some kernels above, some classes below, for each slot.

    Args:
        found: see `spatial_maps`.
        names_of: returns the names of a given number of classes.
        counts: how many kernels and classes to show, spread evenly over all.
        path: image file to write.
    """
    columns = max(1 + counts[0], counts[1])
    plt = import_pyplot()
    figure = plt.figure(figsize=(2.4 * columns, 5 * len(found)), layout='constrained')
    parts = figure.subfigures(len(found), 1, squeeze=False)[:, 0]
    for part, (slot, maps) in zip(parts, found.items(), strict=True):
        kernels = _spread(counts[0], len(maps.kernels))
        classes = [] if maps.classes is None else _spread(counts[1], len(maps.classes))
        height, width = maps.kernels.shape[1:]
        part.suptitle(
            f'{slot}: {len(maps.kernels)} kernels of {height} x {width} positions'
            + ('; below: weighted by the classifier' if classes else '')
        )
        axes = part.subplots(2 if classes else 1, columns, squeeze=False)
        _draw_row(part, axes[0, :1], [maps.kernels.mean(0)], ['mean of kernels'])
        titles = [f'kernel {index}' for index in kernels]
        _draw_row(part, axes[0, 1:], [maps.kernels[i] for i in kernels], titles)
        if classes:
            names = names_of(len(maps.classes))
            titles = [names[index] for index in classes]
            _draw_row(part, axes[1], [maps.classes[i] for i in classes], titles)
    save_figure(figure, path)


def _spread(count: int, total: int) -> List[int]:
    """Return up to `count` indices, spread evenly over `total`."""
    return torch.linspace(0, total - 1, min(count, total)).round().int().tolist()


def _draw_row(
    figure: object, row: Sequence[object], images: List[Tensor], titles: List[str]
) -> None:
    """Draw maps side by side on one scale: zero white, positive red, negative blue."""
    for axes in row[len(images) :]:
        axes.axis('off')
    if not images:
        return
    limit = float(torch.stack(images).abs().max()) or 1.0
    signed = any((image < 0).any() for image in images)
    scale = dict(cmap='RdBu_r', vmin=-limit) if signed else dict(cmap='Reds', vmin=0)
    for axes, image, title in zip(row, images, titles, strict=False):
        shown = axes.imshow(image.numpy(), vmax=limit, **scale)
        axes.set(title=literal(title), xticks=[], yticks=[])
        figure.colorbar(shown, ax=axes, shrink=0.8)
