"""Which stage of which branch goes into which mapper, settled at build time."""

from math import ceil, log2
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import nn

from mmadf.models.stages import Stages, stage_shapes

MAPPER_SHAPES = ('in_channels', 'out_channels', 'strides')
# Backbones halve their maps up or down, mappers up. Among these sizes every row of up
# to five halvings meets an odd number before each one, where the two differ.
IMAGE_SIZES = (224, 234, 245)
BySize = Sequence[Optional[Sequence[torch.Size]]]


class Route(NamedTuple):
    """Stages whose maps a mapper reads (appearance) and fuses (semantic)."""

    sources: Tuple[int, ...]
    target: int


def route(mapper_cfg: dict, shallow: int, last: int) -> Route:
    """Return the stages that a mapper config names.

    Args:
        mapper_cfg: config with `sources`, and `target` unless it is the last stage.
        shallow: number of stages of the appearance backbone.
        last: last stage of the semantic backbone that runs.

    Raises:
        ValueError: they do not exist, or no source is named.
    """
    sources = mapper_cfg.get('sources')
    listed = isinstance(sources, (list, tuple)) and len(sources) > 0
    if not listed or not all(_is_stage(source, 0, shallow) for source in sources):
        raise ValueError(
            f'ADFClassifier: mapper sources={sources!r} must name stages of the '
            f'appearance backbone, from 0 to {shallow - 1}, e.g. sources=(0, 1).'
        )
    target = mapper_cfg.get('target', -1)
    if not _is_stage(target, -last - 1, last + 1):
        raise ValueError(
            f'ADFClassifier: mapper target={target!r} must be a stage of the semantic '
            f'backbone, from 0 to {last}, or from {-last - 1} to -1, counted from the '
            'last.'
        )
    return Route(tuple(sources), target % (last + 1))


def _is_stage(stage: Any, first: int, end: int) -> bool:
    return isinstance(stage, int) and first <= stage < end


def shapes_by_size(backbone: nn.Module, stages: Stages) -> BySize:
    """Return the shapes of the maps of all stages for each of `IMAGE_SIZES`.

    Args:
        backbone: takes (N, C, H, W).
        stages: how it runs.

    Returns:
        Shapes (1, C_i, H_i, W_i), one per stage; None for a size, other than the first,
        on which the backbone does not run.

    Raises:
        ValueError: the backbone does not run without data.
    """
    shapes: List[Optional[List[torch.Size]]] = [stage_shapes(backbone, stages)]
    for size in IMAGE_SIZES[1:]:
        try:
            shapes.append(stage_shapes(backbone, stages, size))
        except ValueError:
            shapes.append(None)
    return shapes


def complete(
    mapper_cfg: dict,
    path: Route,
    shallow: BySize,
    deep: BySize,
) -> dict:
    """Return a mapper config with channels and strides, inferred where not given.

    Args:
        mapper_cfg: config of a mapper.
        path: its route.
        shallow: shapes of the maps of all stages of the appearance backbone, for
            each of `IMAGE_SIZES`, from `shapes_by_size`.
        deep: the same of the semantic backbone.

    Raises:
        ValueError: a source is coarser than the target.
    """
    _, channels, height, _ = deep[0][path.target]
    heights = [shallow[0][source][2] for source in path.sources]
    for source, source_height in zip(path.sources, heights, strict=True):
        if source_height < height and 'strides' not in mapper_cfg:
            raise ValueError(
                f'ADFClassifier: for a 224 pixel image, source stage {source} is '
                f'{source_height} pixels high and the target {height}; choose sources '
                'that are as fine as the target or finer.'
            )
    strides = [2 ** max(round(log2(h / height)), 0) for h in heights]
    meet = all(
        ceil(fine[source][2] / stride) == coarse[path.target][2]
        for fine, coarse in zip(shallow, deep, strict=True)
        for source, stride in zip(path.sources, strides, strict=True)
        if fine and coarse
    )
    inferred = dict(
        in_channels=[shallow[0][source][1] for source in path.sources],
        out_channels=channels,
        strides=strides,
        resize=not meet,
    )
    return {**inferred, **mapper_cfg}


def is_complete(mapper_cfgs: List[dict]) -> bool:
    """Return whether nothing has to be inferred for these mappers."""
    return all(set(MAPPER_SHAPES) <= set(cfg) for cfg in mapper_cfgs)
