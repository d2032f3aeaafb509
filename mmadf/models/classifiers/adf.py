"""ADF: two unshared branches, shallow appearance embedded in deep semantics."""

from copy import deepcopy
from typing import Dict, List, Optional, Sequence, Tuple, Union

import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor

from mmadf.registry import MODELS
from mmadf.weights.pretrained import load_branches

from .branch import TwoBranches, passed
from .checks import (
    check_choices,
    check_heads,
    check_mutual,
    check_options,
    check_slots,
    require_both_heads,
)
from .deploy import fold_network
from .loading import check_weights
from .objective import mutual_losses, weighted_losses

FEATURES = ('backbone', 'neck', 'pre_logits')


@MODELS.register_module()
class ADFClassifier(TwoBranches, ImageClassifier):
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
    Ours: which stages are fused, which the abstract leaves open; how the losses are
    weighed; the readout; deployment. Each is one argument.

    `backbone`, `neck` and `head` are the semantic branch, under the host's names,
    so that its tools and checkpoints apply; the other branch has the same slots
    with the prefix `appearance_`. Stages that nothing reads are left out.

    Args:
        backbone: config of the semantic backbone, of a family with known stages
            (`mmadf.models.stages.families`).
        mapper: config of the `Mapper`, or a list of them, each with `sources` and
            `target`; `in_channels`, `out_channels` and `strides` are inferred
            from the backbones when not given. Mappers of one target act in their
            order; later stages see the fused map. None, to be written out, means no
            fusion: with readout='sum' that is the logit ensemble of two
            backbones, a control.
        head: config of the semantic head.
        neck: config of the semantic neck, a list of them for a row, None for none.
        appearance: what differs in the appearance branch, a dict with any of
            `backbone`, `neck` and `head`. Slots that are not given are built from
            the semantic branch's config, with weights of their own; a head that
            is not given takes its `in_channels` from the given backbone and neck.
        readout: scores used by 'predict' and 'tensor': 'semantic' (the fused
            head), 'appearance', or 'sum' of both logits.
        semantic_weight: weight of the semantic loss, >= 0.
        appearance_weight: weight of the appearance loss, >= 0; over training, see
            `AppearanceWeightHook`.
        loss_reduction: 'sum' of the weighted losses, or 'mean', their sum over the
            sum of the weights.
        mutual_weight: weight of the mutual-learning loss of each head, >= 0; other
            than 0 for heads with the loss of MMPretrain's `ClsHead` only.
        mutual_temperature: temperature of that loss, > 0.
        stop_gradient: whether the semantic loss is kept from the appearance branch.
        pretrained_branches: checkpoints from which both branches start, the
            arguments of `load_branches` after the classifier.
        deploy: None, or the arguments of `switch_to_deploy`, to build the network
            as that leaves it.
        pretrained: checkpoint of the whole classifier.
        train_cfg: batch augmentations, as in `ImageClassifier`.
        data_preprocessor: config as in `ImageClassifier`.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ValueError: a stage that a backbone does not have, maps that do not fit,
            an unknown backbone, readout, reduction or slot, a negative weight, a head
            without logits, or without those that the other could learn from.
        TypeError: an argument that is no config. A slot must not be a built module:
            a second branch needs a config.
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
        loss_reduction: str = 'sum',
        mutual_weight: float = 0.0,
        mutual_temperature: float = 1.0,
        stop_gradient: bool = False,
        pretrained_branches: Optional[dict] = None,
        deploy: Optional[dict] = None,
        pretrained: Optional[str] = None,
        train_cfg: Optional[dict] = None,
        data_preprocessor: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        options = dict(deploy=deploy, pretrained_branches=pretrained_branches)
        check_options(mapper, appearance=appearance, **options)
        semantic = dict(backbone=backbone, neck=neck, head=head)
        appearance = dict(appearance or {})
        check_slots(semantic, appearance)
        weights = dict(
            semantic_weight=semantic_weight,
            appearance_weight=appearance_weight,
            mutual_weight=mutual_weight,
        )
        check_choices(readout, loss_reduction, mutual_temperature, weights)
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
        self.loss_reduction = loss_reduction
        self.mutual_weight = mutual_weight
        self.mutual_temperature = mutual_temperature
        self.stop_gradient = stop_gradient
        self.pretrained_branches = pretrained_branches
        self.deployed = False

        self.build_appearance(semantic, appearance)
        check_heads(self.head, self.appearance_head)
        if mutual_weight:
            check_mutual(self.head, self.appearance_head)
        self.build_mappers([mapper] if isinstance(mapper, dict) else mapper or [])
        self.drop_unread_stages()
        self.register_load_state_dict_pre_hook(check_weights)
        if deploy is not None:
            self.switch_to_deploy(**deploy)

    def init_weights(self) -> None:
        """Initialise, and load `pretrained_branches`."""
        super().init_weights()
        if self.pretrained_branches and not self.deployed:
            load_branches(self, **self.pretrained_branches)

    def branch_feats(self, inputs: Tensor) -> Tuple[Tuple[Tensor, ...], ...]:
        """Return what the semantic and the appearance head take.

        Args:
            inputs: preprocessed images, (N, 3, H, W).

        Raises:
            ValueError: a deployed network, which has one head.
        """
        require_both_heads(self)
        appearance = self.appearance_maps(inputs, self.appearance_last)
        semantic = self.semantic_maps(inputs, appearance)
        outputs = self.semantic_outputs(semantic), self.appearance_outputs(appearance)
        return passed(self.neck, outputs[0]), passed(self.appearance_neck, outputs[1])

    def extract_feat(
        self, inputs: Tensor, stage: str = 'neck'
    ) -> Union[Tensor, Tuple[Tensor, ...]]:
        """Return features of the fused semantic branch.

        Appearance stages behind the last source do not run.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            stage: 'backbone' (fused maps), 'neck', or 'pre_logits', as in
                `ImageClassifier`.

        Raises:
            ValueError: unknown stage.
        """
        if stage not in FEATURES:
            raise ValueError(f'extract_feat: stage={stage!r} is none of {FEATURES}.')
        appearance = self.appearance_maps(inputs, self.last_source)
        outputs = self.semantic_outputs(self.semantic_maps(inputs, appearance))
        if stage == 'backbone':
            return outputs
        feats = passed(self.neck, outputs)
        return feats if stage == 'neck' else self.head.pre_logits(feats)

    def scores(self, inputs: Tensor) -> Dict[str, Tensor]:
        """Return the logits of every readout, (N, num_classes) each.

        A deployed network has one readout, 'semantic'.
        """
        if self.deployed:
            return dict(semantic=self.head(self.extract_feat(inputs)))
        semantic, appearance = self.branch_feats(inputs)
        s, a = self.head(semantic), self.appearance_head(appearance)
        return dict(semantic=s, appearance=a, sum=s + a)

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits of the chosen readout, (N, num_classes).

        For 'semantic', appearance stages that no mapper needs do not run.

        Raises:
            ValueError: a deployed network with another readout.
        """
        if self.readout == 'semantic':
            return self.head(self.extract_feat(inputs))
        require_both_heads(self)
        return self.scores(inputs)[self.readout]

    def forward(
        self,
        inputs: Tensor,
        data_samples: Optional[List[DataSample]] = None,
        mode: str = 'tensor',
    ) -> Union[Tensor, Dict[str, Tensor], List[DataSample]]:
        """Run in one of the host's modes: 'tensor' (logits), 'predict' or 'loss'."""
        if mode == 'tensor':
            return self.logits(inputs)
        return super().forward(inputs, data_samples, mode)

    def loss(self, inputs: Tensor, data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Return the weighted losses of both heads, each under its own name.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            data_samples: N annotations.

        Returns:
            `semantic_loss` and `appearance_loss`, scalars whose sum is minimised,
            with mutual learning `semantic_mutual_loss` and
            `appearance_mutual_loss`, and what else the heads report, with the same
            prefixes.
        """
        semantic, appearance = self.branch_feats(inputs)
        weights = self.semantic_weight, self.appearance_weight, self.loss_reduction
        if not self.mutual_weight:
            of_semantic = self.head.loss(semantic, data_samples)
            of_appearance = self.appearance_head.loss(appearance, data_samples)
            return weighted_losses(of_semantic, of_appearance, *weights)
        s, a = self.head(semantic), self.appearance_head(appearance)
        of_semantic = self.head._get_loss(s, data_samples)
        of_appearance = self.appearance_head._get_loss(a, data_samples)
        return {
            **weighted_losses(of_semantic, of_appearance, *weights),
            **mutual_losses(s, a, self.mutual_weight, self.mutual_temperature),
        }

    def predict(
        self, inputs: Tensor, data_samples: Optional[List[DataSample]] = None
    ) -> List[DataSample]:
        """Return data samples with score and label of the chosen readout.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            data_samples: N annotations to complete, None for new ones.
        """
        return self.head._get_predictions(self.logits(inputs), data_samples)

    def predict_readouts(
        self, inputs: Tensor, data_samples: List[DataSample]
    ) -> Dict[str, List[DataSample]]:
        """Return data samples of every readout, by name, in one forward pass.

        Scores of a branch are post-processed by its own head, their sum by `head`.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            data_samples: N annotations, which are copied.
        """
        heads = dict(appearance=getattr(self, 'appearance_head', None))
        return {
            readout: heads.get(readout, self.head)._get_predictions(
                logits, [sample.clone() for sample in data_samples]
            )
            for readout, logits in self.scores(inputs).items()
        }

    @torch.no_grad()
    def switch_to_deploy(self, fold: bool = True) -> None:
        """Leave, in place, only what the semantic prediction needs.

        The appearance branch ends behind the last stage that a mapper reads; its neck
        and head go. The prediction stays the same.

        Args:
            fold: whether to fold batch norms into convolutions, linear-cosine layers
                into ordinary ones, and what folds itself. It moves logits by rounding.

        Raises:
            ValueError: a readout that needs the appearance head.
        """
        if self.readout != 'semantic':
            raise ValueError(
                f'ADFClassifier: readout={self.readout!r} needs the appearance head, '
                "which a deployed network does not have; set readout='semantic'."
            )
        self.eval()
        self.deployed = True
        self.drop_appearance_end()
        if fold:
            fold_network(self)
