"""Wise-SrNet: a classifier on a weighted sum over the map instead of its mean."""

from typing import Optional, Tuple, Union

from mmpretrain.models import ClsHead
from torch import Tensor, nn

from mmadf.models.layers.spatial_pooling import SpatialPooling
from mmadf.registry import MODELS


@MODELS.register_module()
class WiseSrNetHead(SpatialPooling, ClsHead):
    """Average pool -> depthwise convolution over the rest of the map -> linear.

    .. code-block:: none

        map -> pool -> spatial (a weight >= 0 per channel and position)
            -> flatten -> dropout -> fc -> logits

    Paper: Wise-SrNet, arXiv 2104.12294. The defaults are "Avg+DW+C"; with `pool_size`
    None "DW+C", with `constraint` None "DW"; "DP" is dropout=0.5; 'flatten' is
    "Avg+Flatten+FC", 'shared' is GWAP, and GAP is pooling='mean' with neither pool nor
    constraint.
    Code: mr7495/image-classification-spatial: kernel and classifier start from
    Normal(0, 0.01), biases at 0, and only the kernel is constrained, by projection
    after each optimizer step (see `NonNegative`). GWAP is not in it.
    Ours: one bias in GWAP; kernel_init='gap', because the published start shrinks
    features about 28 times against GAP at 3 x 3; `resize_kernel`.

    Replaces neck and head of a classifier: it takes the maps of the backbone.

    Args:
        num_classes: number of classes, > 0.
        in_channels: channels of the map, > 0.
        map_size: height and width of the map that comes in, in positions, one number
            or two: 7 for images of 224 pixels, 16 for 512, at stride 32.
        pool_size: kernel and stride of the average pool, which drops the rows and
            columns that are left over; None for no pool.
        constraint: 'nonneg' keeps the kernel >= 0, None leaves it free.
        dropout: probability of zeroing a feature before the classifier, in [0, 1).
        pooling: 'depthwise' (a kernel per channel), 'shared' (one kernel for all),
            'flatten' (every position is a feature) or 'mean'. The last two have no
            kernel and want constraint=None, 'mean' also pool_size=None.
        kernel_init: first weights of the kernel, 'normal' for Normal(0, 0.01) or
            'gap' for 1 / positions.
        resize_kernel: spread the kernel over maps and from checkpoints of another
            size, keeping its total weight, where they are refused otherwise.
        loss: config of the loss; the default one is found from any default scope.
        topk: ranks of the accuracies, as in `ClsHead`.
        cal_acc: report accuracy in training, as in `ClsHead`.
        init_cfg: initialisation of MMEngine's BaseModule, of the classifier; None
            for Normal(0, 0.01).

    Raises:
        ValueError: an unknown name, a number outside its range, choices that do not go
            together, or a map of another size in the forward pass.
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
        if num_classes < 1:
            raise ValueError(
                f'WiseSrNetHead: num_classes={num_classes} must be positive.'
            )
        if not 0 <= dropout < 1:
            raise ValueError(f'WiseSrNetHead: dropout={dropout} must be in [0, 1).')
        init_cfg = init_cfg or dict(type='Normal', layer='Linear', std=0.01)
        ClsHead.__init__(self, loss=loss, topk=topk, cal_acc=cal_acc, init_cfg=init_cfg)
        self.set_pooling(
            in_channels,
            map_size=map_size,
            pool_size=pool_size,
            pooling=pooling,
            constraint=constraint,
            kernel_init=kernel_init,
            resize_kernel=resize_kernel,
        )
        self.num_classes = num_classes
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.out_channels, num_classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def pre_logits(self, feats: Tuple[Tensor, ...]) -> Tensor:
        """Return the features before dropout and classifier.

        Args:
            feats: maps of the backbone; the last one, (N, in_channels, *map_size), is
                used.

        Returns:
            (N, in_channels); (N, in_channels * positions) when pooling='flatten'.
        """
        return self.pool_map(feats)

    def forward(self, feats: Tuple[Tensor, ...]) -> Tensor:
        """Return the logits, (N, num_classes), of maps as in `pre_logits`."""
        return self.fc(self.dropout(self.pre_logits(feats)))
