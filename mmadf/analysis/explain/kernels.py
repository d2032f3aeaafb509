"""The spatial kernels of Wise-SrNet, for the classes that an image may have."""

from html import escape
from typing import Dict, Sequence, Tuple

from torch import Tensor, nn

from mmadf.analysis.spatial_maps import SpatialMaps, class_differences, spatial_maps
from mmadf.analysis.style import DIVERGING
from mmadf.models.layers.spatial_kernel import SpatialKernel

from .cards import card, positions, scaled_picture, section
from .pictures import color_map

CLASSES = 3  # classes whose weights are shown


def kernels_of(model: nn.Module) -> Dict[str, SpatialMaps]:
    """Return the spatial kernels of a network by slot, empty if it has none."""
    found = any(isinstance(module, SpatialKernel) for module in model.modules())
    return spatial_maps(model) if found else {}


def kernel_section(
    slot: str, maps: SpatialMaps, scores: Tensor, names: Sequence[str]
) -> str:
    """Return HTML with the mean kernel, and the weights of the most probable classes.

    Args:
        slot: where the kernels are, 'head' or 'neck', also of the appearance branch.
        maps: see `mmadf.analysis.spatial_maps`.
        scores: probabilities of the classes, (K,).
        names: names of all classes.

    Raises:
        ImportError: matplotlib is missing.
    """
    mean, count = maps.kernels.mean(0), len(maps.kernels)
    limits = min(float(mean.min()), 0.0), float(mean.max())
    note = f'mean of {count} kernel{"s" if count > 1 else ""}'
    cards = [_map_card('Mean kernel', mean, 'viridis', limits, note)]
    if maps.classes is not None and len(maps.classes) == len(scores):
        best = scores.topk(min(CLASSES, len(scores))).indices.tolist()
        differences = class_differences(maps.classes)[best]
        most = float(differences.abs().max())
        note = 'weighted by the classifier, difference from the mean of all classes'
        cards += [
            _map_card(escape(names[index]), values, DIVERGING, (-most, most), note)
            for index, values in zip(best, differences, strict=True)
        ]
    return section(f'Spatial kernels of Wise-SrNet ({slot})', ''.join(cards))


def _map_card(
    head: str, values: Tensor, cmap: str, limits: Tuple[float, float], note: str
) -> str:
    ends = f'{limits[0]:.2g}', f'{limits[1]:.2g}'
    caption = f'{note}; {positions(values.shape)}'
    pixels = color_map(values, cmap, limits)
    return card(head, scaled_picture(pixels, 'spatial weights', cmap, ends, caption))
