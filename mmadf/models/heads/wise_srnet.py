"""Wise-SrNet: a depthwise convolution over the whole map instead of its mean."""

from typing import Optional, Tuple
from weakref import WeakSet

import torch
from mmpretrain.models import ClsHead
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from mmadf.registry import MODELS

_NON_NEGATIVE: WeakSet = WeakSet()


@torch.no_grad()
def _project(optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
    """Clamp the non-negative kernels that `optimizer` has just moved."""
    if not _NON_NEGATIVE:
        return
    moved = {id(p) for group in optimizer.param_groups for p in group['params']}
    for head in _NON_NEGATIVE:
        if id(head.spatial.weight) in moved:
            head.spatial.weight.clamp_(min=0)


register_optimizer_step_post_hook(_project)


@MODELS.register_module()
class WiseSrNetHead(ClsHead):
    """Average pool -> depthwise convolution over the rest of the map -> linear.

    Paper: Wise-SrNet, arXiv 2104.12294, "Avg+DW+C": the kernel of the depthwise
    convolution is constrained to be >= 0, bias and classifier are free.
    Code: mr7495/image-classification-spatial: kernels and classifier start from
    Normal(0, 0.01), biases at 0, and Keras clips the kernel after each optimizer
    step, so the first forward pass sees the unclipped draw. Figure 1c divides by
    the area of the map; the code does not.
    Ours: the projection is a hook of `torch.optim`, so that it runs after each
    step of any optimizer that holds the kernel, in any training loop.

    Args:
        num_classes: number of classes, > 0.
        in_channels: channels of the map, > 0.
        map_size: height and width of the map that comes in, in positions.
        pool_size: kernel and stride of the average pool, which drops what is left
            over; None for no pool.
        dropout: probability of zeroing a feature before the classifier, in [0, 1).
        loss: config of the loss.
        topk: ranks of the accuracies, as in `ClsHead`.
        cal_acc: report accuracy in training, as in `ClsHead`.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ValueError: sizes that are not positive, a pool larger than the map, or a
            map of another size in the forward pass.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        map_size: int = 7,
        pool_size: Optional[int] = 2,
        dropout: float = 0.0,
        loss: dict = dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk: Tuple[int, ...] = (1,),
        cal_acc: bool = False,
        init_cfg: Optional[dict] = dict(
            type='Normal', layer=['Conv2d', 'Linear'], std=0.01
        ),
    ) -> None:
        if min(num_classes, in_channels) <= 0:
            raise ValueError(
                f'WiseSrNetHead: num_classes={num_classes} and '
                f'in_channels={in_channels} must be positive.'
            )
        kernel_size = map_size // (pool_size or 1)
        if kernel_size < 1:
            raise ValueError(
                f'WiseSrNetHead: pool_size={pool_size} leaves nothing of a map of '
                f'map_size={map_size}; choose pool_size <= map_size or None.'
            )
        super().__init__(loss=loss, topk=topk, cal_acc=cal_acc, init_cfg=init_cfg)
        self.map_size = map_size
        self.pool = nn.AvgPool2d(pool_size) if pool_size else nn.Identity()
        self.spatial = nn.Conv2d(
            in_channels, in_channels, kernel_size, groups=in_channels
        )
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(in_channels, num_classes)
        _NON_NEGATIVE.add(self)

    def pre_logits(self, feats: Tuple[Tensor, ...]) -> Tensor:
        """Return the features before the classifier.

        Args:
            feats: maps of the backbone; the last one, (N, C, map_size, map_size),
                is used.

        Returns:
            (N, C).
        """
        x = feats[-1]
        if x.shape[-2:] != (self.map_size, self.map_size):
            raise ValueError(
                f'WiseSrNetHead: built for a {self.map_size}x{self.map_size} map, got '
                f'{x.shape[-2]}x{x.shape[-1]}; set map_size to it.'
            )
        return self.spatial(self.pool(x)).flatten(1)

    def forward(self, feats: Tuple[Tensor, ...]) -> Tensor:
        """Return the logits, (N, num_classes)."""
        return self.fc(self.dropout(self.pre_logits(feats)))
