"""The two branches of ADF and the mappers between them, stage by stage."""

from copy import deepcopy
from functools import partial
from typing import List, Optional, Sequence, Tuple

from mmengine.model import ModuleList
from torch import Tensor, nn

from mmadf.models.stages import stages_of
from mmadf.models.stages.shapes import run_without_data
from mmadf.models.surgery import trim
from mmadf.registry import MODELS

from .checks import check_classifier, check_takes_channels
from .wiring import complete, is_complete, route, shapes_by_size


class TwoBranches:
    """Mixin of a classifier: a second branch, and fusion of its maps into the first.

    The classifier has `backbone`, `neck` and `head`, and `stop_gradient`. Here are
    built `appearance_backbone`, `appearance_neck`, `appearance_head` and `mappers`.
    Maps of a backbone are lists with one for each stage, from 0 on.
    """

    def appearance_maps(self, inputs: Tensor, last: int) -> List[Tensor]:
        """Return the maps of the appearance stages from 0 to `last`, -1 for none."""
        stages, backbone = self.appearance_stages, self.appearance_backbone
        return stages.maps(backbone, inputs, last)

    def semantic_maps(
        self, inputs: Tensor, appearance: Sequence[Tensor]
    ) -> List[Tensor]:
        """Return the maps of the semantic stages, fused on their way.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            appearance: maps of the appearance stages, at least up to the last one
                that a mapper reads.
        """
        fuse = partial(self.fuse, appearance=appearance)
        return self.stages.maps(self.backbone, inputs, self.asked[-1], fuse)

    def fuse(self, stage: int, x: Tensor, appearance: Sequence[Tensor]) -> Tensor:
        """Pass the map `x` of a semantic stage through the mappers that target it."""
        for mapper, (sources, target) in zip(self.mappers, self.routes, strict=True):
            if target == stage:
                shallow = [appearance[source] for source in sources]
                if self.stop_gradient:
                    shallow = [source.detach() for source in shallow]
                x = mapper(shallow, x)
        return x

    def semantic_outputs(self, maps: Sequence[Tensor]) -> Tuple[Tensor, ...]:
        """Return what the semantic backbone returns for the maps of its stages."""
        return tuple(self.stages.output(self.backbone, i, maps[i]) for i in self.asked)

    def appearance_outputs(self, maps: Sequence[Tensor]) -> Tuple[Tensor, ...]:
        """Return what the appearance backbone returns for the maps of its stages."""
        return tuple(
            self.appearance_stages.output(self.appearance_backbone, i, maps[i])
            for i in self.appearance_asked
        )

    def build_appearance(self, semantic: dict, given: dict) -> None:
        """Build the appearance branch.

        Args:
            semantic: configs of backbone, neck and head of the semantic branch.
            given: those that differ.
        """
        slots = deepcopy({**semantic, **given})
        check_classifier(self.backbone, self.neck, self.head)
        self.stages = stages_of(self.backbone)
        self.asked = self.stages.out_stages(self.backbone)
        self.appearance_backbone = backbone = MODELS.build(slots['backbone'])
        self.appearance_stages = stages_of(backbone)
        self.appearance_asked = self.appearance_stages.out_stages(backbone)
        neck = slots['neck']
        self.appearance_neck = None if neck is None else MODELS.build(neck)
        if 'backbone' in given and 'head' not in given:
            check_takes_channels(self.head)
            slots['head']['in_channels'] = self.appearance_channels()
        self.appearance_head = MODELS.build(slots['head'])
        check_classifier(
            self.appearance_backbone, self.appearance_neck, self.appearance_head
        )

    def appearance_channels(self) -> int:
        """Return the channels of what the appearance head takes, computing nothing.

        Raises:
            ValueError: backbone and neck do not fit, or do not run without data.
        """
        parts = [self.appearance_backbone, self.appearance_neck]
        names = [type(part).__name__ for part in parts if part is not None]
        try:
            feats = run_without_data(
                nn.ModuleList(part for part in parts if part is not None),
                lambda _, image: self.appearance_feats(image),
            )
            return feats[-1].shape[1]
        except Exception as error:
            reason = ' '.join(str(error).split())
            raise ValueError(
                f'ADFClassifier: the appearance head is not given, and what '
                f'{" and ".join(names)} make for it cannot be inferred '
                f'({type(error).__name__}: {reason}); give appearance a neck that fits '
                'its backbone, and a head.'
            ) from error

    def appearance_feats(self, inputs: Tensor) -> Tuple[Tensor, ...]:
        """Return what the appearance head takes.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
        """
        maps = self.appearance_maps(inputs, self.appearance_asked[-1])
        return passed(self.appearance_neck, self.appearance_outputs(maps))

    def build_mappers(self, cfgs: Sequence[dict]) -> None:
        """Build the mappers; `routes` says which stages each reads and fuses."""
        shallow, last = len(self.appearance_stages), self.asked[-1]
        self.routes = [route(cfg, shallow, last) for cfg in cfgs]
        self.last_source = max((max(path.sources) for path in self.routes), default=-1)
        self.appearance_last = max(self.appearance_asked[-1], self.last_source)
        if not is_complete(cfgs):
            shapes = (
                shapes_by_size(self.appearance_backbone, self.appearance_stages),
                shapes_by_size(self.backbone, self.stages),
            )
            cfgs = [
                complete(cfg, path, *shapes)
                for cfg, path in zip(cfgs, self.routes, strict=True)
            ]
        self.mappers = ModuleList(MODELS.build(cfg) for cfg in cfgs)

    def drop_unread_stages(self) -> None:
        """Drop the stages that neither a head nor a mapper reads."""
        trim(self.backbone, self.stages.used(self.asked[-1], self.asked))
        kept = self.appearance_stages.used(self.appearance_last, self.appearance_asked)
        trim(self.appearance_backbone, kept)

    def drop_appearance_end(self) -> None:
        """Drop what only the appearance head needs, and that head."""
        self.appearance_neck = self.appearance_head = None
        kept = self.appearance_stages.used(self.last_source)
        if kept:
            trim(self.appearance_backbone, kept)
        else:
            self.appearance_backbone = None

    def get_layer_depth(self, param_name: str) -> Tuple[int, int]:
        """Return layer and number of layers of a parameter, for layer-wise rates.

        Both branches count alike; mapper and heads count as the last layer.
        """
        if param_name.startswith('appearance_backbone.'):
            name = param_name.removeprefix('appearance_')
            return self.appearance_backbone.get_layer_depth(name, 'backbone.')
        return super().get_layer_depth(param_name)


def passed(neck: Optional[nn.Module], maps: Tuple[Tensor, ...]) -> Tuple[Tensor, ...]:
    """Return `maps` behind a neck, or as they are where there is none.

    Args:
        neck: takes and returns a tuple of tensors, or None.
        maps: (N, C, H, W) each, or (N, C).
    """
    return maps if neck is None else neck(maps)
