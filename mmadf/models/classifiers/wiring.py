"""The mappers of a network, and which feature maps each one connects."""

from math import ceil, log2
from typing import List, Optional, Sequence, Union

import torch
from mmengine.model import ModuleList
from torch import Tensor, nn

from mmadf.models.stages import stage_shapes
from mmadf.models.stages.shapes import usable_size
from mmadf.registry import MODELS

from .branch import Branch
from .routes import Route, check_resolution, find_route

MAPPER_SHAPES = ('in_channels', 'out_channels', 'strides')
# Some backbones halve their feature maps rounding up, some rounding down; mappers
# round up. Whatever five halvings a backbone makes, one of these image sizes meets an
# odd number before each of them, where the two differ.
IMAGE_SIZES = (224, 234, 245)
# The shapes of all stages for each image size; None if the backbone cannot run on it.
ShapesBySize = Sequence[Optional[Sequence[torch.Size]]]


class Mappers(ModuleList):
    """The mappers of a network, each with its route.

    Args:
        cfgs: configs of the mappers, complete with channels and strides.
        routes: which stages each of them connects.
        stop_gradient: whether to detach the appearance feature maps that are read.
    """

    def __init__(
        self, cfgs: Sequence[dict], routes: Sequence[Route], stop_gradient: bool
    ) -> None:
        super().__init__([MODELS.build(cfg) for cfg in cfgs])
        self.routes = list(routes)
        self.stop_gradient = stop_gradient

    @property
    def last_source(self) -> int:
        """The deepest appearance stage that a mapper reads, -1 without mappers."""
        return max([-1, *(max(route.sources) for route in self.routes)])

    def fuse(self, stage: int, x: Tensor, appearance: Sequence[Tensor]) -> Tensor:
        """Fuse appearance into the feature map of a semantic stage.

        Args:
            stage: index of the semantic stage.
            x: its feature map, (N, C, H, W).
            appearance: feature maps of the appearance stages, at least up to
                `last_source`.

        Returns:
            (N, C, H, W): `x` after all mappers that target the stage, in their order.
        """
        for mapper, (sources, target) in zip(self, self.routes, strict=True):
            if target == stage:
                maps = [appearance[source] for source in sources]
                if self.stop_gradient:
                    maps = [a.detach() for a in maps]
                x = mapper(maps, x)
        return x


def connect(
    mapper: Union[dict, Sequence[dict], None],
    appearance: Branch,
    semantic: Branch,
    same_backbone: bool,
    stop_gradient: bool,
) -> Mappers:
    """Build the mappers between two branches, and drop the stages that nothing reads.

    Channels and strides that a config does not give are inferred from the backbones.

    Args:
        mapper: config of a mapper, or a list of configs, each with `sources` and,
            unless it is the last stage, `target`; None for none.
        appearance: the branch that is read.
        semantic: the branch that is fused.
        same_backbone: whether both backbones are built from the same config, so that
            shapes are inferred once.
        stop_gradient: see `Mappers`.

    Raises:
        ValueError: a stage that does not exist, a source that is coarser than its
            target, or a backbone whose shapes cannot be inferred.
    """
    cfgs = [mapper] if isinstance(mapper, dict) else mapper or []
    routes = [find_route(cfg, appearance, semantic) for cfg in cfgs]
    if not all(set(MAPPER_SHAPES) <= set(cfg) for cfg in cfgs):
        sizes = _image_sizes(semantic, *([] if same_backbone else [appearance]))
        deep = _shapes_by_size(semantic, sizes)
        shallow = deep if same_backbone else _shapes_by_size(appearance, sizes)
        cfgs = [
            complete(cfg, route, shallow, deep)
            for cfg, route in zip(cfgs, routes, strict=True)
        ]
    mappers = Mappers(cfgs, routes, stop_gradient)
    semantic.drop_unread()
    appearance.drop_unread(mappers.last_source)
    return mappers


def _image_sizes(*branches: Branch) -> Sequence[int]:
    """Return `IMAGE_SIZES`, or the one size that backbones need instead."""
    backbones = nn.ModuleList([branch.backbone for branch in branches])
    size = usable_size(
        backbones, lambda _, x: [b.maps(x, len(b.stages) - 1) for b in branches]
    )
    return IMAGE_SIZES if size == IMAGE_SIZES[0] else [size]


def _shapes_by_size(branch: Branch, sizes: Sequence[int]) -> ShapesBySize:
    """Return the shapes of the feature maps of all stages for each image size.

    Raises:
        ValueError: the backbone does not run without data on the first size.
    """
    backbone, stages = branch.backbone, branch.stages
    first, *others = sizes
    shapes: List[Optional[List[torch.Size]]] = [stage_shapes(backbone, stages, first)]
    for size in others:
        try:
            shapes.append(stage_shapes(backbone, stages, size))
        except ValueError:
            shapes.append(None)
    return shapes


def complete(
    mapper_cfg: dict, route: Route, shallow: ShapesBySize, deep: ShapesBySize
) -> dict:
    """Return a mapper config with the channels and strides that it does not give.

    Args:
        mapper_cfg: config of a mapper.
        route: the stages that it connects.
        shallow: shapes of the feature maps of all appearance stages, by image size.
        deep: the same for the semantic stages.

    Raises:
        ValueError: a source is coarser than the target.
    """
    _, channels, height, _ = deep[0][route.target]
    heights = [shallow[0][source][2] for source in route.sources]
    if 'strides' not in mapper_cfg:
        check_resolution(route.sources, heights, height)
    strides = [2 ** max(round(log2(h / height)), 0) for h in heights]
    meet = all(
        ceil(fine[source][2] / stride) == coarse[route.target][2]
        for fine, coarse in zip(shallow, deep, strict=True)
        for source, stride in zip(route.sources, strides, strict=True)
        if fine and coarse
    )
    inferred = dict(
        in_channels=[shallow[0][source][1] for source in route.sources],
        out_channels=channels,
        strides=strides,
        resize=not meet,
    )
    return {**inferred, **mapper_cfg}
