"""ADF: shallow features of an appearance branch, fused into a semantic branch."""

from copy import deepcopy
from functools import partial
from typing import Dict, List, Optional, Sequence, Tuple, Union

from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmadf.registry import MODELS
from mmadf.weights.pretrained import load_branches

from . import requirements
from .branch import Branch, Features, build_appearance, cut_branch
from .checks import check_config, check_heads, check_stop_gradient, same_predictions
from .deployed import check_weights, cut_appearance
from .features import readout_features
from .host_tools import check_hooks, check_training, switch_loss
from .objective import Objective
from .reparameterised import check_reparameterised
from .wiring import connect


@MODELS.register_module()
class ADFClassifier(ImageClassifier):
    """Siamese classifier with adaptive decoupling-fusion.

    .. code-block:: none

        image -> appearance stage 0 -> 1 -> ... -> neck -> appearance_head -> CE
                                |      |
                                +--+---+        one or several mappers
                                   v
        image -> semantic stage 0 -> ... -> i -> ... -> neck -> head -------> CE

    Paper: ADF, "Adaptive decoupling-fusion in Siamese network for image
    classification", Neural Networks 187 (2025) 107346, abstract: two branches on
    the same input, unshared weights, both trained with cross-entropy, shallow
    appearance features of one embedded into the deep feature space of the other.
    Code: none is public.
    Ours: which stages are fused; the weights of the losses; the readout; deployment.

    `backbone`, `neck` and `head` are the semantic branch, under the host's names, so
    that its tools and checkpoints apply; the appearance branch has the same slots with
    the prefix `appearance_`. `semantic` and `appearance` show the modules of a branch
    together. Stages that nothing reads are left out. All methods take preprocessed
    images, `inputs`, (N, 3, H, W), and N annotations, `data_samples`.

    Args:
        backbone: config of the semantic backbone, of a family with known stages
            (`mmadf.models.stages.families`).
        mapper: config of the `Mapper`, or a list of configs, each with `sources` and
            `target`; channels and strides are inferred from the backbones if they are
            not given. Mappers of one target act in their order; later stages take the
            fused feature map. An explicit None means no fusion; with readout='sum'
            this is the logit ensemble of two networks, a control.
        head: config of the semantic head. An explicit None gives a feature extractor
            without heads and without what only the appearance head needs: it runs
            `extract_feat` and mode 'tensor', which returns the same features.
        neck: config of the semantic neck, a list of configs for a sequence, or None.
        appearance: what differs in the appearance branch, a dict with any of
            `backbone`, `neck` and `head`. Slots that are not given are built from
            the semantic branch's config, with weights of their own; a head that is
            not given takes `in_channels` from a backbone or neck that is given.
        readout: predicting logits: 'semantic' (fused), 'appearance', or 'sum' of both.
        semantic_weight: this and the next five arguments are those of `Objective`.
        appearance_weight: not 0 if `semantic_weight` is 0.
        loss_reduction: see `Objective`.
        teacher: see `Objective`.
        distill_weight: values other than 0 need heads with the loss of `ClsHead`.
        distill_temperature: see `Objective`.
        stop_gradient: whether to detach the appearance feature maps that the mappers
            read; `appearance_weight` or `distill_weight` > 0 then trains the branch.
        pretrained_branches: arguments of `load_branches` except the classifier, to
            initialise both branches from checkpoints; None for none.
        deploy: arguments of `switch_to_deploy`, to build the deployed form; or None.
        pretrained: checkpoint of the whole classifier, as in `ImageClassifier`.
        train_cfg: as in `ImageClassifier`.
        data_preprocessor: as in `ImageClassifier`.
        init_cfg: as in `ImageClassifier`.

    Raises:
        ValueError: an unknown name, stage or slot, a number outside its range, or
            modules that do not fit; see `mmadf.models.classifiers.checks`.
        TypeError: an argument that is not a config, such as a built module.
    """

    loss_module = None  # set by MMPretrain's SwitchRecipeHook, see `__setattr__`

    def __init__(
        self,
        backbone: dict,
        mapper: Union[dict, Sequence[dict], None],
        head: Optional[dict],
        neck: Optional[dict] = None,
        appearance: Optional[dict] = None,
        readout: str = 'semantic',
        semantic_weight: float = 1.0,
        appearance_weight: float = 1.0,
        loss_reduction: str = 'sum',
        teacher: str = 'mean',
        distill_weight: float = 0.0,
        distill_temperature: float = 1.0,
        stop_gradient: bool = False,
        pretrained_branches: Optional[dict] = None,
        deploy: Optional[dict] = None,
        pretrained: Optional[str] = None,
        train_cfg: Optional[dict] = None,
        data_preprocessor: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        slots = dict(backbone=backbone, neck=neck, head=head)
        objective = dict(
            semantic_weight=semantic_weight,
            appearance_weight=appearance_weight,
            loss_reduction=loss_reduction,
            teacher=teacher,
            distill_weight=distill_weight,
            distill_temperature=distill_temperature,
        )
        options = dict(deploy=deploy, pretrained_branches=pretrained_branches)
        check_config(slots, appearance, mapper, readout, objective, options)
        check_stop_gradient(stop_gradient, objective)
        super().__init__(
            **deepcopy(slots),
            pretrained=pretrained,
            train_cfg=train_cfg,
            data_preprocessor=deepcopy(data_preprocessor),
            init_cfg=init_cfg,
        )
        self.readout = readout
        self.objective = Objective(**objective)
        self.pretrained_branches = pretrained_branches
        self.deployed = False
        semantic = cut_branch(self.backbone, self.neck, self.head)
        branch = build_appearance(slots, appearance or {})
        self.appearance_backbone, self.appearance_neck = branch.backbone, branch.neck
        self.appearance_head = branch.head
        # How both backbones are cut into stages.
        self._cuts = [(b.stages, b.out_stages) for b in (semantic, branch)]
        check_heads(self.head, self.appearance_head, readout, distill_weight)
        same_backbone = 'backbone' not in (appearance or {})
        self.mappers = connect(mapper, branch, semantic, same_backbone, stop_gradient)
        self.register_load_state_dict_pre_hook(check_weights)
        self.register_load_state_dict_pre_hook(check_reparameterised)
        if deploy is not None:
            self.switch_to_deploy(**deploy)

    @property
    def semantic(self) -> Branch:
        """The branch whose feature maps are fused."""
        return Branch(self.backbone, self.neck, self.head, *self._cuts[0])

    @property
    def appearance(self) -> Branch:
        """The branch whose shallow feature maps the mappers read."""
        parts = self.appearance_backbone, self.appearance_neck, self.appearance_head
        return Branch(*parts, *self._cuts[1])

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, `loss_module` in both heads."""
        if name == 'loss_module':
            return switch_loss(self, value)
        super().__setattr__(name, value)

    def init_weights(self) -> None:
        """Initialise, and load `pretrained_branches`."""
        super().init_weights()
        if self.pretrained_branches and not self.deployed:
            load_branches(self, **self.pretrained_branches)

    def fused_maps(
        self, inputs: Tensor, appearance: Optional[Sequence[Tensor]] = None
    ) -> List[Tensor]:
        """Return the feature maps of the semantic stages, with appearance fused in.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            appearance: feature maps of the appearance stages; by default they are
                computed up to the last one that a mapper reads.
        """
        if appearance is None:
            appearance = self.appearance.maps(inputs, self.mappers.last_source)
        fuse = partial(self.mappers.fuse, appearance=appearance)
        return self.semantic.maps(inputs, fuse=fuse)

    def head_inputs(self, inputs: Tensor) -> Tuple[Features, Features]:
        """Return what the semantic head and the appearance head take."""
        requirements.check_both_heads(self)
        last = self.appearance.last_stage(self.mappers.last_source)
        appearance = self.appearance.maps(inputs, last)
        semantic = self.fused_maps(inputs, appearance)
        features = self.appearance.head_inputs(appearance)
        return self.semantic.head_inputs(semantic), features

    def loss(self, inputs: Tensor, data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Return the weighted losses of both heads by branch, see `Objective`."""
        check_training(self)
        semantic, appearance = self.head_inputs(inputs)
        return self.objective(
            (self.head, semantic), (self.appearance_head, appearance), data_samples
        )

    def extract_feat(
        self, inputs: Tensor, stage: str = 'neck'
    ) -> Union[Tensor, Features]:
        """Return features of the branch of the readout, concatenated for 'sum'.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            stage: 'backbone' (feature maps, fused in the semantic branch), 'neck', or
                'pre_logits'.

        Raises:
            ValueError: unknown stage, 'pre_logits' without a head, or features that
                cannot be concatenated.
        """
        return readout_features(self, inputs, stage)

    def logits_by_readout(self, inputs: Tensor) -> Dict[str, Tensor]:
        """Return the logits of every readout, (N, num_classes) each.

        A deployed network has one readout, 'semantic'. 'sum' is left out if the heads
        turn logits into predictions in different ways.
        """
        if self.deployed and self.readout == 'semantic':
            return dict(semantic=self.head(self.extract_feat(inputs)))
        semantic, appearance = self.head_inputs(inputs)
        s, a = self.head(semantic), self.appearance_head(appearance)
        alike = same_predictions(self.head, self.appearance_head)
        return dict(semantic=s, appearance=a, **(dict(sum=s + a) if alike else {}))

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits of the chosen readout, (N, num_classes).

        In evaluation, stages that the readout does not need are not run.
        """
        requirements.check_head(self)
        if self.readout == 'sum' or self.training:
            return self.logits_by_readout(inputs)[self.readout]
        check_hooks(self)
        return self._readout_head(self.readout)(self.extract_feat(inputs))

    def forward(
        self,
        inputs: Tensor,
        data_samples: Optional[List[DataSample]] = None,
        mode: str = 'tensor',
    ) -> Union[Tensor, Features, Dict[str, Tensor], List[DataSample]]:
        """Run in mode 'tensor' (logits; features without head), 'predict' or 'loss'."""
        if mode == 'tensor' and self.with_head:
            return self.logits(inputs)
        return super().forward(inputs, data_samples, mode)

    def predict(
        self, inputs: Tensor, data_samples: Optional[List[DataSample]] = None
    ) -> List[DataSample]:
        """Return data samples with score and label of the chosen readout."""
        logits = self.logits(inputs)
        return self._readout_head(self.readout)._get_predictions(logits, data_samples)

    def predict_readouts(
        self, inputs: Tensor, data_samples: List[DataSample]
    ) -> Dict[str, List[DataSample]]:
        """Return the predictions of every readout, each in copies of `data_samples`."""
        return {
            readout: self._readout_head(readout)._get_predictions(
                logits, [sample.clone() for sample in data_samples]
            )
            for readout, logits in self.logits_by_readout(inputs).items()
        }

    def _readout_head(self, readout: str) -> nn.Module:
        """Return the head that turns the logits of a readout into predictions."""
        return self.appearance_head if readout == 'appearance' else self.head

    def switch_to_deploy(self, fold: bool = True) -> None:
        """Keep only what the semantic prediction needs, in place.

        The appearance branch ends after the last stage that a mapper reads; its neck
        and head are removed. The prediction stays the same.

        Args:
            fold: whether to fold what can be folded, see `mmadf.models.surgery.fold`.

        Raises:
            ValueError: a readout of the appearance head, or a failed folding.
        """
        requirements.check_readout(self)
        # Without the head, which may be built for another image size.
        cut_appearance(self, fold, lambda net, x: net.extract_feat(x, 'backbone'))
        self.appearance_neck = self.appearance_head = None

    def get_layer_depth(self, param_name: str) -> Tuple[int, int]:
        """Return layer and number of layers of a parameter, both branches alike."""
        if param_name.startswith('appearance_backbone.'):
            name = param_name.removeprefix('appearance_')
            return self.appearance_backbone.get_layer_depth(name, 'backbone.')
        return super().get_layer_depth(param_name)
