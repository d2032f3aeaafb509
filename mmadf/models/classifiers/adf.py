"""ADF: two unshared branches, shallow appearance embedded in deep semantics."""

from copy import deepcopy
from typing import Dict, List, Optional, Sequence, Set, Tuple, Union

from mmengine.model import ModuleList
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmadf.models.utils import asked_stages, map_shapes
from mmadf.registry import MODELS

from .wiring import build_with_sources, complete, mapper_sources, route

READOUTS = ('semantic', 'appearance', 'sum')


@MODELS.register_module()
class ADFClassifier(ImageClassifier):
    """Siamese classifier with adaptive decoupling-fusion.

    .. code-block:: none

        image -> appearance_backbone --+--(deep)---> neck -> appearance_head -> CE
                                       | (shallow)
                                    mapper
                                       v
        image -> backbone -----------> + ----------> neck -> head ------------> CE

    Paper: ADF, "Adaptive decoupling-fusion in Siamese network for image
    classification", Neural Networks 187 (2025) 107346, abstract: two branches on
    the same input, unshared weights, both trained with cross-entropy, shallow
    appearance features of one embedded into the deep feature space of the other.
    Code: none is public.
    Ours: fusion of maps after the backbone, which the abstract leaves open; the
    weights of the losses (Conformer takes the mean, CBNetV2 0.5 for the
    assisting branch); the readout. Each is one argument.

    `backbone`, `neck` and `head` are the semantic branch, under the host's names,
    so that its tools and checkpoints apply; the other branch has the same slots
    with the prefix `appearance_`.

    Args:
        backbone: config of the semantic backbone. It must have `out_indices`.
        mapper: config of the `Mapper`, or a list of them, each with `sources` and
            `target`; `in_channels`, `out_channels` and `strides` are inferred
            from the backbones when not given. None, to be written out, means no
            fusion: with readout='sum' that is the logit ensemble of two
            backbones, a control.
        head: config of the semantic head.
        neck: config of the semantic neck, None for none.
        appearance: what differs in the appearance branch, a dict with any of
            `backbone`, `neck` and `head`. Slots that are not given are built from
            the semantic branch's config, with weights of their own; a head that
            is not given takes its `in_channels` from the given backbone.
        readout: scores used by 'predict' and 'tensor': 'semantic' (the fused
            head), 'appearance', or 'sum' of both logits.
        semantic_weight: weight of the semantic loss, >= 0.
        appearance_weight: weight of the appearance loss, >= 0.
        pretrained: checkpoint of the whole classifier.
        train_cfg: batch augmentations, as in `ImageClassifier`.
        data_preprocessor: config as in `ImageClassifier`.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ValueError: a stage that a backbone does not return, maps that do not fit,
            an unknown readout, slot or negative weight.
        TypeError: a slot that is a built module: a second branch needs a config.
    """

    def __init__(
        self,
        backbone: dict,
        mapper: Union[dict, Sequence[dict], None],
        head: dict,
        neck: Optional[dict] = None,
        appearance: Optional[dict] = None,
        readout: str = 'semantic',
        semantic_weight: float = 1.0,
        appearance_weight: float = 1.0,
        pretrained: Optional[str] = None,
        train_cfg: Optional[dict] = None,
        data_preprocessor: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        semantic = dict(backbone=backbone, neck=neck, head=head)
        appearance = dict(appearance or {})
        _check(semantic, appearance, readout, semantic_weight, appearance_weight)
        super().__init__(
            **deepcopy(semantic),
            pretrained=pretrained,
            train_cfg=train_cfg,
            data_preprocessor=deepcopy(data_preprocessor),
            init_cfg=init_cfg,
        )
        self.readout = readout
        self.semantic_weight = semantic_weight
        self.appearance_weight = appearance_weight

        mappers = [mapper] if isinstance(mapper, dict) else list(mapper or [])
        sources = {stage for cfg in mappers for stage in mapper_sources(cfg)}
        stages = self._build_appearance(semantic, appearance, sources)
        self._build_mappers(mappers, stages, asked_stages(backbone))

    def branch_maps(self, inputs: Tensor) -> Tuple[Tuple[Tensor, ...], ...]:
        """Run both backbones and fuse.

        Args:
            inputs: preprocessed images, (N, 3, H, W).

        Returns:
            The maps for the semantic neck, fused, and the maps for the
            appearance neck.
        """
        appearance = self.appearance_backbone(inputs)
        semantic = list(self.backbone(inputs))
        for mapper, (sources, target) in zip(self.mappers, self.routes, strict=True):
            shallow = [appearance[i] for i in sources]
            semantic[target] = mapper(shallow, semantic[target])
        return tuple(semantic), tuple(appearance[i] for i in self.appearance_deep)

    def branch_feats(self, inputs: Tensor) -> Tuple[Tuple[Tensor, ...], ...]:
        """Return what the semantic and the appearance head take."""
        semantic, appearance = self.branch_maps(inputs)
        return _pass(self.neck, semantic), _pass(self.appearance_neck, appearance)

    def extract_feat(
        self, inputs: Tensor, stage: str = 'neck'
    ) -> Union[Tensor, Tuple[Tensor, ...]]:
        """Return features of the fused semantic branch.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            stage: 'backbone' (fused maps), 'neck', or 'pre_logits', as in
                `ImageClassifier`.

        Raises:
            ValueError: unknown stage.
        """
        if stage == 'backbone':
            return self.branch_maps(inputs)[0]
        if stage == 'neck':
            return self.branch_feats(inputs)[0]
        if stage == 'pre_logits':
            return self.head.pre_logits(self.branch_feats(inputs)[0])
        raise ValueError(
            f'extract_feat: stage={stage!r} is none of backbone, neck, pre_logits.'
        )

    def scores(self, inputs: Tensor) -> Dict[str, Tensor]:
        """Return the logits of every readout, (N, num_classes) each."""
        semantic, appearance = self.branch_feats(inputs)
        s, a = self.head(semantic), self.appearance_head(appearance)
        return dict(semantic=s, appearance=a, sum=s + a)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Optional[List[DataSample]] = None,
        mode: str = 'tensor',
    ) -> Union[Tensor, Dict[str, Tensor], List[DataSample]]:
        """Run in one of the host's modes: 'tensor' (logits), 'predict' or 'loss'."""
        if mode == 'tensor':
            return self.scores(inputs)[self.readout]
        return super().forward(inputs, data_samples, mode)

    def loss(self, inputs: Tensor, data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Return the weighted losses of both heads, each under its own name.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            data_samples: N annotations.

        Returns:
            `semantic_loss` and `appearance_loss`, scalars whose sum is minimised,
            and what else the heads report, with the same prefixes.
        """
        semantic, appearance = self.branch_feats(inputs)
        s = self.head.loss(semantic, data_samples)
        a = self.appearance_head.loss(appearance, data_samples)
        return {
            **_named(s, 'semantic', self.semantic_weight),
            **_named(a, 'appearance', self.appearance_weight),
        }

    def predict(
        self, inputs: Tensor, data_samples: Optional[List[DataSample]] = None
    ) -> List[DataSample]:
        """Return data samples with score and label of the chosen readout.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            data_samples: N annotations to complete, None for new ones.
        """
        scores = self.scores(inputs)[self.readout]
        return self.head._get_predictions(scores, data_samples)

    def get_layer_depth(self, param_name: str) -> Tuple[int, int]:
        """Return layer and number of layers of a parameter, for layer-wise rates.

        Both branches count alike; mapper and heads count as the last layer.
        """
        if param_name.startswith('appearance_backbone.'):
            name = param_name.removeprefix('appearance_')
            return self.appearance_backbone.get_layer_depth(name, 'backbone.')
        return super().get_layer_depth(param_name)

    def _build_appearance(
        self, semantic: dict, given: dict, sources: Set[int]
    ) -> List[int]:
        """Build the appearance branch; return the stages of its backbone's maps."""
        slots = deepcopy({**semantic, **given})
        backbone, stages = build_with_sources(slots['backbone'], sources)
        deep = [stages.index(stage) for stage in asked_stages(slots['backbone'])]
        if 'backbone' in given and 'head' not in given:
            slots['head']['in_channels'] = map_shapes(backbone)[deep[-1]][1]
        self.appearance_backbone = backbone
        self.appearance_deep = deep
        neck = slots['neck']
        self.appearance_neck = None if neck is None else MODELS.build(neck)
        self.appearance_head = MODELS.build(slots['head'])
        return stages

    def _build_mappers(
        self, cfgs: List[dict], shallow: List[int], deep: List[int]
    ) -> None:
        """Build the mappers; `routes` says which maps each reads and writes."""
        self.routes = [route(cfg, shallow, deep) for cfg in cfgs]
        if not all({'in_channels', 'out_channels', 'strides'} <= set(c) for c in cfgs):
            shapes = map_shapes(self.appearance_backbone), map_shapes(self.backbone)
            cfgs = [
                complete(cfg, path, *shapes)
                for cfg, path in zip(cfgs, self.routes, strict=True)
            ]
        self.mappers = ModuleList(MODELS.build(cfg) for cfg in cfgs)


def _pass(neck: Optional[nn.Module], maps: Tuple[Tensor, ...]) -> Tuple[Tensor, ...]:
    """Return `maps` behind a neck, or as they are where there is none."""
    return maps if neck is None else neck(maps)


def _named(losses: dict, branch: str, weight: float) -> Dict[str, Tensor]:
    """Prefix what a head reports by its branch, and weight its losses."""
    return {
        f'{branch}_{name}': value * weight if 'loss' in name else value
        for name, value in losses.items()
    }


def _check(
    semantic: dict,
    appearance: dict,
    readout: str,
    semantic_weight: float,
    appearance_weight: float,
) -> None:
    if unknown := sorted(set(appearance) - set(semantic)):
        raise ValueError(
            f'ADFClassifier: appearance has {unknown}, its slots are backbone, neck '
            'and head.'
        )
    for slot, cfg in [*semantic.items(), *appearance.items()]:
        if not isinstance(cfg, dict) and not (slot == 'neck' and cfg is None):
            raise TypeError(
                f'ADFClassifier: {slot} is a {type(cfg).__name__}; give its config, a '
                'dict, from which each branch builds its own.'
            )
    if readout not in READOUTS:
        raise ValueError(f'ADFClassifier: readout={readout!r} is none of {READOUTS}.')
    if min(semantic_weight, appearance_weight) < 0:
        raise ValueError(
            f'ADFClassifier: semantic_weight={semantic_weight} and '
            f'appearance_weight={appearance_weight} must be >= 0.'
        )
