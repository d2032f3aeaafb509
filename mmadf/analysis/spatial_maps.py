"""What Wise-SrNet has learned about positions: its kernels as maps, and a plot."""

from pathlib import Path
from textwrap import shorten
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from mmadf.models.layers.spatial_kernel import SpatialKernel
from mmadf.utils.modes import evaluating

from .plots import literal, save_figure
from .style import DIVERGING, WIDTH, import_pyplot, styled


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
                classes = None
                if _is_last(module, getattr(model, slot)):
                    classes = _class_maps(model, slot, kernels)
                found[slot] = SpatialMaps(kernels, classes)
    if not found:
        slots = {name: type(child).__name__ for name, child in model.named_children()}
        raise ValueError(
            f'spatial_maps: no WiseSrNetHead or WiseSrNetPooling with a kernel among '
            f"{slots}; give a network with one, whose pooling is 'depthwise' or "
            "'shared'."
        )
    return found


def _is_last(kernel: SpatialKernel, part: nn.Module) -> bool:
    """Return whether no further part of a neck of several parts follows the kernel."""
    last = part[-1] if isinstance(part, nn.Sequential) else part
    return any(module is kernel for module in last.modules())


def _class_maps(model: nn.Module, slot: str, kernels: Tensor) -> Optional[Tensor]:
    """Weight the kernels by the linear layer that follows, (K, h, w)."""
    head = getattr(model, slot.removesuffix('neck').removesuffix('head') + 'head', None)
    fc = getattr(head, 'fc', None)
    if not isinstance(fc, nn.Linear) or len(kernels) not in (1, fc.in_features):
        return None
    weight = fc.weight.detach().float().cpu()
    return torch.einsum('kc,chw->khw', weight, kernels.expand(weight.shape[1], -1, -1))


def class_differences(classes: Tensor) -> Tensor:
    """Return class maps minus their mean over all classes, (K, h, w).

    What all classes have in common changes no probability, and hides how they differ.
    """
    return classes - classes.mean(0)


@styled()
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
    rows = sum(
        1 if maps.classes is None or not counts[1] else 2 for maps in found.values()
    )
    size = (WIDTH, rows * (WIDTH / columns + 0.35) + 0.3)
    figure = import_pyplot().figure(figsize=size)
    heights = [1 if maps.classes is None else 2 for maps in found.values()]
    parts = figure.subfigures(len(found), 1, squeeze=False, height_ratios=heights)
    for part, (slot, maps) in zip(parts[:, 0], found.items(), strict=True):
        _draw_slot(part, slot, maps, names_of, counts, columns)
    save_figure(figure, path)


def _draw_slot(
    figure: object,
    slot: str,
    maps: SpatialMaps,
    names_of: Callable[[int], Sequence[str]],
    counts: Tuple[int, int],
    columns: int,
) -> None:
    """Draw the kernels of one slot, and below them the classes."""
    kernels = _spread(counts[0], len(maps.kernels))
    classes = [] if maps.classes is None else _spread(counts[1], len(maps.classes))
    height, width = maps.kernels.shape[1:]
    note = '\nbelow: by class, mean over classes subtracted' if classes else ''
    count = f'{len(maps.kernels)} spatial kernels, {height} × {width} positions'
    figure.suptitle(f'{slot}: {count}{note}', fontsize=11)
    axes = figure.subplots(2 if classes else 1, columns, squeeze=False)
    titles = ['mean kernel', *(f'channel {index}' for index in kernels)]
    shown = [maps.kernels.mean(0), *(maps.kernels[index] for index in kernels)]
    _draw_row(figure, axes[0], shown, titles, 'weight')
    if classes:
        names, differences = (
            names_of(len(maps.classes)),
            class_differences(maps.classes),
        )
        titles, shown = [names[i] for i in classes], [differences[i] for i in classes]
        _draw_row(figure, axes[1], shown, titles, 'difference')


def _spread(count: int, total: int) -> List[int]:
    """Return up to `count` indices, spread evenly over `total`."""
    return torch.linspace(0, total - 1, min(count, total)).round().int().tolist()


def _draw_row(
    figure: object,
    row: Sequence[object],
    images: List[Tensor],
    titles: List[str],
    label: str,
) -> None:
    """Draw maps side by side on one scale: zero white, positive blue, negative red."""
    for axes in row[len(images) :]:
        axes.axis('off')
    limit = float(torch.stack(images).abs().max()) or 1.0
    signed = any((image < 0).any() for image in images)
    scale = dict(cmap=DIVERGING, vmin=-limit) if signed else dict(cmap='Blues', vmin=0)
    for axes, image, title in zip(row, images, titles, strict=False):
        shown = axes.imshow(image.numpy(), vmax=limit, **scale)
        axes.set_title(literal(shorten(title, 16, placeholder='…')), fontsize=9)
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
    figure.colorbar(shown, ax=list(row), shrink=0.75, aspect=12).set_label(label)
