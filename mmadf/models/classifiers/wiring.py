"""Which map of which backbone goes into which mapper, settled at build time."""

from copy import deepcopy
from typing import List, NamedTuple, Sequence, Set, Tuple

import torch
from torch import nn

from mmadf.models.utils import asked_stages
from mmadf.registry import MODELS


class Route(NamedTuple):
    """Positions, in what the backbones return, of the maps of one mapper."""

    sources: Tuple[int, ...]
    target: int


def mapper_sources(mapper_cfg: dict) -> Sequence[int]:
    """Return the sources that a mapper config names.

    Raises:
        ValueError: none are named, or they do not count from 0.
    """
    sources = mapper_cfg.get('sources')
    if not sources or min(sources) < 0:
        raise ValueError(
            f'ADFClassifier: mapper sources={sources} must name stages of the '
            'appearance backbone, counted from 0 as its out_indices are, e.g. '
            'sources=(0, 1).'
        )
    return sources


def build_with_sources(
    backbone_cfg: dict, sources: Set[int]
) -> Tuple[nn.Module, List[int]]:
    """Build a backbone that returns `sources` beside the stages it is asked for.

    Returns:
        The backbone, and the stages of its maps in their order.

    Raises:
        ValueError: the backbone does not have all of these stages.
    """
    asked = asked_stages(backbone_cfg)
    stages = sorted(sources.union(asked), key=lambda stage: (stage < 0, stage))
    cfg = {**deepcopy(backbone_cfg), 'out_indices': list(stages)}
    try:
        return MODELS.build(cfg), stages
    except (AssertionError, ValueError, IndexError) as error:
        raise ValueError(
            f'ADFClassifier: {cfg["type"]} does not have all of the stages {stages}; '
            f'count the sources of the mapper, {sorted(sources)}, as its out_indices '
            f'do, from 0. {error}'
        ) from error


def route(mapper_cfg: dict, shallow: List[int], deep: List[int]) -> Route:
    """Find the maps of a mapper among those that the backbones return.

    Args:
        mapper_cfg: config with `sources`, and `target` unless it is the last map.
        shallow: stages that the appearance backbone returns.
        deep: stages that the semantic backbone returns.

    Raises:
        ValueError: `target` is not among them.
    """
    sources = tuple(shallow.index(stage) for stage in mapper_sources(mapper_cfg))
    target = mapper_cfg.get('target', -1)
    if target == -1:
        return Route(sources, len(deep) - 1)
    if target not in deep:
        raise ValueError(
            f'ADFClassifier: mapper target={target} is not among the stages that the '
            f'semantic backbone returns, out_indices={deep}; choose one of them, or '
            '-1 for the last.'
        )
    return Route(sources, deep.index(target))


def complete(
    mapper_cfg: dict, path: Route, shallow: List[torch.Size], deep: List[torch.Size]
) -> dict:
    """Return a mapper config with channels and strides, inferred where not given.

    Args:
        mapper_cfg: config of a mapper.
        path: its route.
        shallow: shapes of the maps of the appearance backbone.
        deep: shapes of the maps of the semantic backbone.

    Raises:
        ValueError: a source is not a multiple of the target in resolution.
    """
    _, channels, height, _ = deep[path.target]
    heights = [shallow[i][2] for i in path.sources]
    for stage, source_height in zip(mapper_cfg['sources'], heights, strict=True):
        if source_height % height and 'strides' not in mapper_cfg:
            raise ValueError(
                f'ADFClassifier: for a 224 pixel image, source stage {stage} is '
                f'{source_height} pixels high and the target {height}, which is no '
                'multiple; choose other sources or give the mapper strides.'
            )
    inferred = dict(
        in_channels=[shallow[i][1] for i in path.sources],
        out_channels=channels,
        strides=[h // height for h in heights],
    )
    return {**inferred, **mapper_cfg}
