"""Which stage of which branch goes into which mapper, settled at build time."""

from math import ceil, log2
from typing import List, NamedTuple, Sequence, Tuple

import torch

MAPPER_SHAPES = ('in_channels', 'out_channels', 'strides')


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
    if not sources or min(sources) < 0 or max(sources) >= shallow:
        raise ValueError(
            f'ADFClassifier: mapper sources={sources} must name stages of the '
            f'appearance backbone, from 0 to {shallow - 1}, e.g. sources=(0, 1).'
        )
    target = mapper_cfg.get('target', -1)
    if not -last - 1 <= target <= last:
        raise ValueError(
            f'ADFClassifier: mapper target={target} must be a stage of the semantic '
            f'backbone, from 0 to {last}, or from {-last - 1} to -1, counted from the '
            'last.'
        )
    return Route(tuple(sources), target % (last + 1))


def complete(
    mapper_cfg: dict,
    path: Route,
    shallow: Sequence[torch.Size],
    deep: Sequence[torch.Size],
) -> dict:
    """Return a mapper config with channels and strides, inferred where not given.

    Args:
        mapper_cfg: config of a mapper.
        path: its route.
        shallow: shapes of the maps of all stages of the appearance backbone.
        deep: the same of the semantic backbone.

    Raises:
        ValueError: a source is coarser than the target.
    """
    _, channels, height, _ = deep[path.target]
    heights = [shallow[source][2] for source in path.sources]
    for source, source_height in zip(path.sources, heights, strict=True):
        if source_height < height and 'strides' not in mapper_cfg:
            raise ValueError(
                f'ADFClassifier: for a 224 pixel image, source stage {source} is '
                f'{source_height} pixels high and the target {height}; choose sources '
                'that are as fine as the target or finer.'
            )
    strides = [2 ** max(round(log2(h / height)), 0) for h in heights]
    meet = all(ceil(h / s) == height for h, s in zip(heights, strides, strict=True))
    inferred = dict(
        in_channels=[shallow[source][1] for source in path.sources],
        out_channels=channels,
        strides=strides,
        resize=not meet,
    )
    return {**inferred, **mapper_cfg}


def is_complete(mapper_cfgs: List[dict]) -> bool:
    """Return whether nothing has to be inferred for these mappers."""
    return all(set(MAPPER_SHAPES) <= set(cfg) for cfg in mapper_cfgs)
