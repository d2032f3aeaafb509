"""The stages that a mapper connects."""

from typing import Any, NamedTuple, Sequence, Tuple

from .branch import Branch


class Route(NamedTuple):
    """The appearance stages that a mapper reads, and the semantic one that it fuses."""

    sources: Tuple[int, ...]
    target: int


def find_route(mapper_cfg: dict, appearance: Branch, semantic: Branch) -> Route:
    """Return the stages that a mapper config names, counted from 0.

    Args:
        mapper_cfg: config of a mapper, with `sources` and, unless it is the last stage,
            `target`.
        appearance: the branch that is read.
        semantic: the branch that is fused.

    Raises:
        ValueError: a stage does not exist, or there is no source.
    """
    sources, target = mapper_cfg.get('sources'), mapper_cfg.get('target', -1)
    count = semantic.out_stages[-1] + 1
    _check_route(sources, target, len(appearance.stages), count)
    return Route(tuple(sources), target % count)


def _check_route(sources: Any, target: Any, shallow: int, deep: int) -> None:
    """Require that a mapper names stages that exist.

    Args:
        sources: stages of the appearance backbone, at least one.
        target: a stage of the semantic backbone.
        shallow: number of stages of the appearance backbone.
        deep: number of stages of the semantic backbone that run.

    Raises:
        ValueError: a stage does not exist, or there is no source.
    """
    listed = isinstance(sources, (list, tuple)) and len(sources) > 0
    if not listed or not all(_is_index(s) and 0 <= s < shallow for s in sources):
        raise ValueError(
            f'Mapper: sources={sources!r} must name stages of the appearance '
            f'backbone, from 0 to {shallow - 1}, e.g. sources=(0, 1).'
        )
    if not _is_index(target) or not -deep <= target < deep:
        raise ValueError(
            f'Mapper: target={target!r} must be a stage of the semantic '
            f'backbone, from 0 to {deep - 1}, or from {-deep} to -1, counted from the '
            'last one.'
        )


def check_resolution(sources: Sequence[int], heights: Sequence[int], h: int) -> None:
    """Require sources that are at least as fine as the target.

    Args:
        sources: stages of the appearance backbone.
        heights: heights of their feature maps.
        h: height of the target's feature map for the same image.

    Raises:
        ValueError: a source is coarser.
    """
    for source, height in zip(sources, heights, strict=True):
        if height < h:
            raise ValueError(
                f'Mapper: source stage {source} is {height} pixels high where the '
                f'target is {h}; choose sources that are at least as fine as the '
                'target.'
            )


def _is_index(stage: Any) -> bool:
    return isinstance(stage, int) and not isinstance(stage, bool)
