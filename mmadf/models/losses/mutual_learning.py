"""Deep mutual learning: one head mimics another one."""

import torch
import torch.nn.functional as F
from torch import Tensor


def mutual_learning_loss(logits: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Return T^2 * KL(softmax(other / T) || softmax(logits / T)), mean of the batch.

    One direction: `logits` learns, `other` is a constant. For both heads to learn from
    each other, call it both ways and add.

    Paper: Deep Mutual Learning, CVPR 2018, arXiv 1706.00384: KL(p_other || p), T = 1.
    The temperature T, and T^2 against gradients that fall with 1 / T^2: Distilling the
    Knowledge in a Neural Network, arXiv 1503.02531.
    Code: YingZhangDUT/Deep-Mutual-Learning (official), `kl_loss_compute`: the same
    divergence with 1e-8 inside the logarithm, mean of the batch; each network takes
    the gradient of its own loss alone.
    Ours: the log-probabilities are taken in float32 or better, also under autocast, so
    that no 1e-8 is needed. The ADF paper has no such term.

    Args:
        logits: of the head that learns, (N, C), finite, N > 0.
        other: of the head that it learns from, (N, C), finite.
        temperature: T > 0; the higher it is, the more small probabilities count.

    Returns:
        A scalar >= 0, 0 where both give the same probabilities.

    Raises:
        ValueError: shapes that differ or are not (N, C), or T <= 0.
    """
    if logits.dim() != 2 or logits.shape != other.shape:
        raise ValueError(
            f'mutual_learning_loss: logits {tuple(logits.shape)} and other '
            f'{tuple(other.shape)} must have the same shape (N, C); give both heads '
            'the same num_classes.'
        )
    if not temperature > 0:
        raise ValueError(
            f'mutual_learning_loss: temperature={temperature} must be > 0; 1 is the '
            "paper's."
        )
    p, q = (_log_probabilities(x, temperature) for x in (logits, other.detach()))
    kl = F.kl_div(p, q, reduction='batchmean', log_target=True)
    return temperature**2 * kl


def _log_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Return log softmax(logits / T), float32 or better."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return F.log_softmax(logits.to(dtype) / temperature, dim=1)
