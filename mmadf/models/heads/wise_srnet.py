"""Wise-SrNet: a linear classifier behind a learned weighted sum over positions."""

from numbers import Real
from typing import Optional, Tuple, Union

from mmpretrain.models import ClsHead
from torch import Tensor, nn

from mmadf.models.necks import WiseSrNetPooling
from mmadf.registry import MODELS
from mmadf.utils.arguments import is_count


@MODELS.register_module()
class WiseSrNetHead(ClsHead):
    """`WiseSrNetPooling` -> dropout -> linear layer.

    It replaces both neck and head of a classifier and takes the feature maps of the
    backbone.

    Paper: Wise-SrNet, arXiv 2104.12294. The defaults are "Avg+DW+C"; "DP" is
    dropout=0.5; see `WiseSrNetPooling` for the other variants.
    Code: mr7495/image-classification-spatial: the linear layer is initialised with
    Normal(0, 0.01), its bias with 0.

    Args:
        num_classes: number of classes, > 0.
        in_channels: see `WiseSrNetPooling`, as for all arguments up to `pool_size`.
        map_size: height and width of the incoming feature map.
        pool_size: kernel size and stride of the average pool, or None for no pool.
        constraint: 'nonneg' or None.
        dropout: probability of zeroing a feature before the linear layer, in [0, 1).
        pooling: 'depthwise', 'shared', 'flatten' or 'mean'.
        kernel_init: 'normal' or 'gap'.
        resize_kernel: resample the kernel to feature maps of another size.
        loss: config of the loss; the scope in the default one makes it available from
            any default scope.
        topk: ranks of the accuracies, as in `ClsHead`.
        cal_acc: report the accuracy in training, as in `ClsHead`.
        init_cfg: initialisation of MMEngine's BaseModule for the linear layer; None
            for Normal(0, 0.01).

    Raises:
        ValueError: for a number out of range, and see `WiseSrNetPooling`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        map_size: Union[int, Tuple[int, int]] = 7,
        pool_size: Optional[int] = 2,
        constraint: Optional[str] = 'nonneg',
        dropout: float = 0.0,
        pooling: str = 'depthwise',
        kernel_init: str = 'normal',
        resize_kernel: bool = False,
        loss: dict = dict(type='mmpretrain.CrossEntropyLoss', loss_weight=1.0),
        topk: Tuple[int, ...] = (1,),
        cal_acc: bool = False,
        init_cfg: Optional[dict] = None,
    ) -> None:
        if not is_count(num_classes):
            raise ValueError(
                f'WiseSrNetHead: num_classes={num_classes!r} must be a positive '
                'integer.'
            )
        if not isinstance(dropout, Real) or not 0 <= dropout < 1:
            raise ValueError(
                f'WiseSrNetHead: dropout={dropout!r} must be a number in [0, 1); 0 is '
                'none.'
            )
        init_cfg = init_cfg or dict(type='Normal', layer='Linear', std=0.01)
        super().__init__(loss=loss, topk=topk, cal_acc=cal_acc, init_cfg=init_cfg)
        self.num_classes, self.in_channels = num_classes, in_channels
        self.pooling = WiseSrNetPooling(
            in_channels,
            map_size=map_size,
            pool_size=pool_size,
            constraint=constraint,
            pooling=pooling,
            kernel_init=kernel_init,
            resize_kernel=resize_kernel,
        )
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.pooling.out_channels, num_classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def pre_logits(self, feats: Union[Tensor, Tuple[Tensor, ...]]) -> Tensor:
        """Return the features before dropout and linear layer.

        Args:
            feats: one or several feature maps, see `WiseSrNetPooling.forward`.

        Returns:
            (N, C'), where C' is in_channels, or in_channels * positions for 'flatten'.
        """
        return self.pooling(feats if isinstance(feats, Tensor) else feats[-1])

    def forward(self, feats: Union[Tensor, Tuple[Tensor, ...]]) -> Tensor:
        """Return the logits, (N, num_classes); `feats` is as in `pre_logits`."""
        return self.fc(self.dropout(self.pre_logits(feats)))
