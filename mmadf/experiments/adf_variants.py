"""Variants of ADF for studies only: shared weights, and the gated teacher of ONE.

A config that names them needs
`custom_imports = dict(imports=['mmadf', 'mmadf.experiments.adf_variants'])`.
"""

from typing import Dict, List

import torch
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmadf.models import ADFClassifier
from mmadf.models.classifiers import requirements
from mmadf.models.classifiers.host_tools import check_training
from mmadf.models.classifiers.objective import distillation_loss
from mmadf.registry import MODELS


@MODELS.register_module()
class SharedADF(ADFClassifier):
    """ADF whose branches share the weights of one backbone.

    Paper: the branches of ADF (Neural Networks 187, 107346) do not share weights; this
    is the control of that choice.
    Ours: everything. Only mappers and heads differ between the branches. The deployed
    network runs the shallow stages twice, although once would suffice.

    Args:
        **kwargs: arguments of `ADFClassifier`, without `appearance`.
    """

    def __init__(self, **kwargs: object) -> None:
        if kwargs.get('appearance'):
            raise ValueError(
                f'SharedADF: appearance={kwargs["appearance"]!r} must be None, because '
                'both branches are the same; use ADFClassifier for different ones.'
            )
        super().__init__(**kwargs)
        self.appearance_backbone = self.backbone

    def switch_to_deploy(self, fold: bool = True) -> None:
        """Remove the appearance head, in place; nothing is folded.

        Args:
            fold: has no effect.

        Raises:
            ValueError: a readout of the appearance head.
        """
        requirements.check_readout(self)
        self.appearance_neck = self.appearance_head = None
        self.deployed, self.folded = True, False


@MODELS.register_module()
class GatedTeacherADF(ADFClassifier):
    """ADF whose heads learn from a mean of their logits that is weighted by a gate.

    Paper: ONE (arXiv 1806.04606): the logits of all branches are added with weights
    that a gate computes from features; the sum learns from the labels, too, and all
    branches learn from the sum.
    Code: Lan1991Xu/ONE_NeurIPS2018 (official): linear layer, batch norm, ReLU, softmax.
    Ours: the gate takes the features of both heads; as in `ADFClassifier`, the teacher
    is a constant for the distillation losses.

    Args:
        **kwargs: arguments of `ADFClassifier`, with `distill_weight` > 0. `teacher` has
            no effect.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if self.deployed:
            return
        if not self.objective.distill_weight:
            raise ValueError(
                'GatedTeacherADF: distill_weight=0 must be > 0, because nothing learns '
                'from the teacher otherwise; use ADFClassifier without distillation.'
            )
        channels = self.head.in_channels + self.appearance_head.in_channels
        self.teacher_gate = nn.Sequential(
            nn.Linear(channels, 2), nn.BatchNorm1d(2), nn.ReLU()
        )

    def loss(self, inputs: Tensor, data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Return the losses of both heads and of the teacher, see `Objective`."""
        check_training(self)
        semantic, appearance = self.head_inputs(inputs)
        s, a = self.head(semantic), self.appearance_head(appearance)
        features = torch.cat((semantic[-1], appearance[-1]), dim=1)
        gate = self.teacher_gate(features).softmax(dim=1)  # (N, C) -> (N, 2)
        teacher = gate[:, :1] * s + gate[:, 1:] * a  # (N, num_classes)
        losses = self.objective.weight_losses(
            self.head._get_loss(s, data_samples),
            self.appearance_head._get_loss(a, data_samples),
        )
        losses['teacher_loss'] = self.head._get_loss(teacher, data_samples)['loss']
        weight = self.objective.distill_weight
        temperature = self.objective.distill_temperature
        for branch, logits in dict(semantic=s, appearance=a).items():
            distance = distillation_loss(logits, teacher, temperature)
            losses[f'{branch}_distill_loss'] = weight * distance
        return losses

    def switch_to_deploy(self, fold: bool = True) -> None:
        """Keep only what the semantic prediction needs, see `ADFClassifier`."""
        super().switch_to_deploy(fold)
        self.teacher_gate = None
