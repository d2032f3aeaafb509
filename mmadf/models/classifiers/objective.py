"""What an ADF classifier minimises, from what its two heads give."""

from typing import Dict

from torch import Tensor

from mmadf.models.losses import mutual_learning_loss


def weighted_losses(
    semantic: dict,
    appearance: dict,
    semantic_weight: float,
    appearance_weight: float,
    reduction: str,
) -> Dict[str, Tensor]:
    """Weight the losses of both heads and name them by their branch.

    Paper: ADF (Neural Networks 187, 107346), abstract: both branches are trained with
    cross-entropy.
    Ours: the weights and their reduction. Conformer (arXiv 2105.03889) takes the mean
    of both, CBNetV2 (arXiv 2107.00420) weighs the assisting branch by 0.5.

    Args:
        semantic: what the semantic head reports; its losses have 'loss' in their name.
        appearance: what the appearance head reports.
        semantic_weight: >= 0.
        appearance_weight: >= 0.
        reduction: 'sum', or 'mean' for weights that add up to 1.

    Returns:
        All of it under names as 'semantic_loss' and 'appearance_loss'.
    """
    scale = 1.0
    if reduction == 'mean':
        scale = 1 / (semantic_weight + appearance_weight)
    return {
        **_named(semantic, 'semantic', semantic_weight * scale),
        **_named(appearance, 'appearance', appearance_weight * scale),
    }


def mutual_losses(
    semantic: Tensor, appearance: Tensor, weight: float, temperature: float
) -> Dict[str, Tensor]:
    """Return the loss of each head against what the other predicts.

    Ours: mutual learning (arXiv 1706.00384) between the heads of one network.

    Args:
        semantic: logits of the semantic head, (N, num_classes).
        appearance: logits of the appearance head, (N, num_classes).
        weight: of both losses, >= 0.
        temperature: see `mutual_learning_loss`, > 0.

    Returns:
        `semantic_mutual_loss` and `appearance_mutual_loss`, scalars.
    """
    of_semantic = mutual_learning_loss(semantic, appearance, temperature)
    of_appearance = mutual_learning_loss(appearance, semantic, temperature)
    return dict(
        semantic_mutual_loss=weight * of_semantic,
        appearance_mutual_loss=weight * of_appearance,
    )


def _named(losses: dict, branch: str, weight: float) -> Dict[str, Tensor]:
    """Prefix what a head reports by its branch, and weight its losses."""
    return {
        f'{branch}_{name}': value * weight if 'loss' in name else value
        for name, value in losses.items()
    }
