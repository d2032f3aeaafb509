"""What an ADF classifier minimises, from the features that its two heads take."""

from typing import Callable, Dict, List, Tuple

import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from torch import Tensor, nn


class Objective:
    """Weighted losses of both heads and, optionally, distillation between them.

    Paper: ADF (Neural Networks 187, 107346), abstract: both branches are trained with
    cross-entropy.
    Ours: the weights and their reduction. Conformer (arXiv 2105.03889) takes the mean
    of both losses, CBNetV2 (arXiv 2107.00420) weights the assisting branch by 0.5.
    Distillation between the heads of one network: `teacher='peer'` is Deep Mutual
    Learning (arXiv 1706.00384); `teacher='mean'` is the ensemble teacher of ONE
    (arXiv 1806.04606) with equal weights in place of its learned gate.

    Args:
        semantic_weight: weight of the loss of the semantic head, >= 0.
        appearance_weight: weight of the loss of the appearance head, >= 0. It may be
            changed during training, see `LossWeightHook`.
        loss_reduction: 'sum' of the weighted losses, or 'mean', their sum divided by
            the sum of the weights.
        teacher: what each head learns from, a name in `TEACHERS`: 'peer', the logits of
            the other head, or 'mean', the mean of the logits of both.
        distill_weight: weight of both distillation losses, >= 0; 0 for none. It may be
            changed during training, too.
        distill_temperature: see `distillation_loss`, > 0.
    """

    def __init__(
        self,
        semantic_weight: float,
        appearance_weight: float,
        loss_reduction: str,
        teacher: str,
        distill_weight: float,
        distill_temperature: float,
    ) -> None:
        self.semantic_weight = semantic_weight
        self.appearance_weight = appearance_weight
        self.loss_reduction = loss_reduction
        self.teacher = teacher
        self.distill_weight = distill_weight
        self.distill_temperature = distill_temperature

    def __call__(
        self,
        semantic: Tuple[nn.Module, Tuple[Tensor, ...]],
        appearance: Tuple[nn.Module, Tuple[Tensor, ...]],
        data_samples: List[DataSample],
    ) -> Dict[str, Tensor]:
        """Return all losses, and what else the heads report, named by branch.

        Args:
            semantic: the semantic head, and the features that it takes.
            appearance: the appearance head, and the features that it takes.
            data_samples: N annotations.

        Returns:
            Scalars under names such as 'semantic_loss', 'appearance_loss' and
            'semantic_accuracy_top-1'. Those with 'loss' in their name are minimised.
        """
        (head, x), (appearance_head, y) = semantic, appearance
        if not self.distill_weight:
            return self.weight_losses(
                head.loss(x, data_samples), appearance_head.loss(y, data_samples)
            )
        s, a = head(x), appearance_head(y)
        losses = self.weight_losses(
            head._get_loss(s, data_samples), appearance_head._get_loss(a, data_samples)
        )
        return {**losses, **self.distillation_losses(s, a)}

    def weight_losses(self, semantic: dict, appearance: dict) -> Dict[str, Tensor]:
        """Weight what both heads report, and name it by branch."""
        weights = self.semantic_weight, self.appearance_weight
        total = sum(weights) if self.loss_reduction == 'mean' else 1
        return {
            f'{branch}_{name}': value * weight / total if 'loss' in name else value
            for branch, weight, report in zip(
                ('semantic', 'appearance'), weights, (semantic, appearance), strict=True
            )
            for name, value in report.items()
        }

    def distillation_losses(
        self, semantic: Tensor, appearance: Tensor
    ) -> Dict[str, Tensor]:
        """Return the weighted loss of each head towards its teacher.

        Args:
            semantic: logits of the semantic head, (N, num_classes).
            appearance: logits of the appearance head, (N, num_classes).
        """
        teachers = TEACHERS[self.teacher](semantic, appearance)
        losses = (
            distillation_loss(logits, teacher, self.distill_temperature)
            for logits, teacher in zip((semantic, appearance), teachers, strict=True)
        )
        names = 'semantic_distill_loss', 'appearance_distill_loss'
        return {
            name: self.distill_weight * loss
            for name, loss in zip(names, losses, strict=True)
        }


# Logits that the semantic and the appearance head learn from.
TEACHERS: Dict[str, Callable[[Tensor, Tensor], Tuple[Tensor, Tensor]]] = dict(
    peer=lambda semantic, appearance: (appearance, semantic),
    mean=lambda semantic, appearance: 2 * ((semantic + appearance) / 2,),
)


def distillation_loss(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return T^2 * KL(softmax(teacher / T) || softmax(logits / T)), averaged over N.

    `logits` learns and `teacher` is a constant. For mutual learning, call it in both
    directions and add the results.

    Paper: Distilling the Knowledge in a Neural Network, arXiv 1503.02531, with the
    factor T^2 that keeps the scale of the gradients. Deep Mutual Learning, CVPR 2018,
    arXiv 1706.00384: the same with T = 1 and another network as the teacher.
    Code: YingZhangDUT/Deep-Mutual-Learning (official), `kl_loss_compute`: the same
    divergence with 1e-8 inside the logarithm, averaged over the batch; each network
    receives the gradient of its own loss only.
    Ours: log-probabilities are computed in float32 or better, also under autocast, so
    that no 1e-8 is needed. The ADF paper has no such term.

    Args:
        logits: logits of the head that learns, (N, C), finite, N > 0.
        teacher: logits that it learns from, (N, C), finite.
        temperature: T > 0; a higher temperature gives more weight to small
            probabilities.

    Returns:
        A scalar >= 0, which is 0 if both give the same probabilities.

    Raises:
        ValueError: the shapes differ or are not (N, C), or T <= 0.
    """
    if logits.dim() != 2 or logits.shape != teacher.shape:
        raise ValueError(
            f'distillation_loss: logits {tuple(logits.shape)} and teacher '
            f'{tuple(teacher.shape)} must have the same shape (N, C); give both heads '
            'the same num_classes.'
        )
    if not temperature > 0:
        raise ValueError(
            f'distillation_loss: temperature={temperature} must be > 0; mutual '
            'learning uses 1.'
        )
    p, q = (_log_softmax(x, temperature) for x in (logits, teacher.detach()))
    return temperature**2 * F.kl_div(p, q, reduction='batchmean', log_target=True)


def _log_softmax(logits: Tensor, temperature: float) -> Tensor:
    """Return log softmax(logits / T) in float32 or better."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return F.log_softmax(logits.to(dtype) / temperature, dim=1)
