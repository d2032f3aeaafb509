"""Wise-SrNet's pooling: a learned weight per position instead of the mean."""

from typing import Dict, Optional, Tuple, Union

from mmengine.model import BaseModule
from mmengine.utils import to_2tuple
from torch import Tensor, nn

from mmadf.models.layers.nonnegative import NonNegativeSpatialKernel
from mmadf.models.layers.spatial_kernel import INITS, SpatialKernel, resize_kernel
from mmadf.registry import MODELS
from mmadf.utils.arguments import is_count

KERNELS = {None: SpatialKernel, 'nonneg': NonNegativeSpatialKernel}
WITH_KERNEL = ('depthwise', 'shared')
WITHOUT_KERNEL = dict(flatten=nn.Identity, mean=lambda: nn.AdaptiveAvgPool2d(1))


@MODELS.register_module()
class WiseSrNetPooling(BaseModule):
    """Average pool -> depthwise convolution over the whole remaining feature map.

    .. code-block:: none

        feature map -> pool -> spatial (a weight >= 0 per channel and position)
            -> flatten

    It takes the place of `GlobalAveragePooling` before any head.

    Paper: Wise-SrNet, arXiv 2104.12294. The defaults are "Avg+DW+C"; with `pool_size`
    None "DW+C", and with `constraint` None "DW". 'flatten' is the pooling of
    "Avg+Flatten+FC", 'shared' is GWAP, and 'mean' is GAP.
    Code: mr7495/image-classification-spatial: the kernel is initialised with
    Normal(0, 0.01), its bias with 0, and only the kernel is constrained, by projection
    after each optimizer step (see `NonNegativeSpatialKernel`). It has no GWAP.
    Ours: one bias in GWAP; kernel_init='gap', because the published initialisation
    scales features down about 28 times against GAP at 3 x 3; `resize_kernel`.

    Args:
        in_channels: channels of the feature map, > 0.
        map_size: height and width of the incoming feature map, one number or two, > 0.
            With a stride of 32 it is 7 for images of 224 pixels and 16 for 512.
        pool_size: kernel size and stride of the average pool, which drops incomplete
            windows at the border, or None for no pool.
        constraint: 'nonneg' keeps the kernel >= 0; None leaves it free.
        pooling: 'depthwise' (one kernel per channel), 'shared' (one kernel for all
            channels), 'flatten' (each position is a feature) or 'mean'. The last two
            have no kernel and require constraint=None, kernel_init='normal' and
            resize_kernel=False; 'mean' also pool_size=None.
        kernel_init: initial weights of the kernel, 'normal' for Normal(0, 0.01) or
            'gap' for 1 / positions, which is GAP.
        resize_kernel: resample the kernel to feature maps, and from checkpoints, of
            another size, preserving its total weight. Otherwise these are refused.
        init_cfg: weights to load, of type 'Pretrained'. Initialisations of other types
            do not reach the kernel, which has `kernel_init`.

    Raises:
        ValueError: for an unknown name, a number out of range, or arguments that
            exclude each other.
    """

    def __init__(
        self,
        in_channels: int,
        map_size: Union[int, Tuple[int, int]] = 7,
        pool_size: Optional[int] = 2,
        constraint: Optional[str] = 'nonneg',
        pooling: str = 'depthwise',
        kernel_init: str = 'normal',
        resize_kernel: bool = False,
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.map_size = tuple(to_2tuple(map_size))
        self.pool_size = pool_size
        self.constraint = constraint
        self.pooling = pooling
        self.resize_kernel = resize_kernel
        self._check_arguments(kernel_init)
        size = self._pooled(self.map_size)
        self.pool = nn.AvgPool2d(pool_size) if pool_size else nn.Identity()
        if pooling in WITH_KERNEL:
            kernels = 1 if pooling == 'shared' else in_channels
            self.spatial = KERNELS[constraint](kernels, size, kernel_init)
        else:
            self.spatial = WITHOUT_KERNEL[pooling]()
        positions = size[0] * size[1] if pooling == 'flatten' else 1
        self.out_channels = in_channels * positions
        self.any_size = resize_kernel or pooling == 'mean'

    def forward(
        self, feats: Union[Tensor, Tuple[Tensor, ...]]
    ) -> Union[Tensor, Tuple[Tensor]]:
        """Pool the last feature map of a backbone.

        Args:
            feats: a feature map, (N, in_channels, *map_size), or a tuple of feature
                maps, of which the last one is used.

        Returns:
            A tensor (N, out_channels), in a tuple if `feats` is one; out_channels is
            in_channels, or in_channels * positions for pooling='flatten'.

        Raises:
            ValueError: if the feature map has another shape.
        """
        x = feats if isinstance(feats, Tensor) else feats[-1]
        self._check_feature_map(x)
        pooled = self.spatial(self.pool(x)).flatten(1)
        return pooled if isinstance(feats, Tensor) else (pooled,)

    def extra_repr(self) -> str:
        """Show the arguments that the submodules do not show."""
        return (
            f'map_size={self.map_size}, pooling={self.pooling!r}, '
            f'resize_kernel={self.resize_kernel}'
        )

    def _pooled(self, size: Tuple[int, int]) -> Tuple[int, int]:
        step = self.pool_size or 1
        return size[0] // step, size[1] // step

    def _check_arguments(self, kernel_init: str) -> None:
        choices = dict(
            pooling=(self.pooling, [*WITH_KERNEL, *WITHOUT_KERNEL]),
            constraint=(self.constraint, list(KERNELS)),
            kernel_init=(kernel_init, list(INITS)),
        )
        for name, (value, allowed) in choices.items():
            if value not in allowed:
                self._refuse(f'{name}={value!r} must be one of {allowed}.')
        if not is_count(self.in_channels):
            self._refuse(
                f'in_channels={self.in_channels!r} must be a positive integer, the '
                'channels of the feature map.'
            )
        if len(self.map_size) != 2 or not all(map(is_count, self.map_size)):
            self._refuse(
                f'map_size={self.map_size} must be one or two positive integers, the '
                'height and width of the feature map.'
            )
        smaller = min(self.map_size)
        windows = range(1, smaller + 1)
        if self.pool_size is not None and not (
            is_count(self.pool_size) and self.pool_size in windows
        ):
            self._refuse(
                f'pool_size={self.pool_size!r} must be from 1 to {smaller} for '
                f'map_size={self.map_size}, or None for no pool.'
            )
        required = dict(
            constraint=None, kernel_init='normal', resize_kernel=False, pool_size=None
        )
        if self.pooling == 'flatten':
            del required['pool_size']
        given = {**vars(self), 'kernel_init': kernel_init}
        given = {name: given[name] for name in required}
        if self.pooling in WITHOUT_KERNEL and given != required:
            self._refuse(f'pooling={self.pooling!r} requires {required}, got {given}.')

    def _check_feature_map(self, x: Tensor) -> None:
        if x.dim() in (2, 3) and self.in_channels in x.shape[1:]:
            self._refuse(
                f'the feature map must be (N, {self.in_channels}, H, W), got '
                f'{tuple(x.shape)}; set neck=None, and in the backbone '
                "gap_before_final_norm=False (ConvNeXt) or out_type='featmap' (ViT)."
            )
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            self._refuse(
                f'the feature map must be (N, {self.in_channels}, H, W), got '
                f'{tuple(x.shape)}; remove the neck before it or correct in_channels.'
            )
        size = tuple(x.shape[-2:])
        if size != self.map_size and not self.any_size:
            remedy = ' or resize_kernel=True' if self.pooling in WITH_KERNEL else ''
            self._refuse(
                f'map_size={self.map_size} must be the size of the feature map, got '
                f'{size}; set map_size={size}{remedy}.'
            )
        if min(self._pooled(size)) < 1:
            self._refuse(
                f'pool_size={self.pool_size} must not exceed the size of the feature '
                f'map, got {size}; use larger images or a smaller pool_size.'
            )

    def _load_from_state_dict(
        self, state_dict: Dict[str, Tensor], prefix: str, *args
    ) -> None:
        """Load; with `resize_kernel`, resample a kernel for other feature map sizes."""
        key = f'{prefix}spatial.weight'
        kernel, own = state_dict.get(key), getattr(self.spatial, 'weight', None)
        comparable = None not in (kernel, own) and kernel.shape[:2] == own.shape[:2]
        if comparable and self.resize_kernel:
            state_dict[key] = resize_kernel(kernel, tuple(own.shape[2:]))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _refuse(self, message: str) -> None:
        raise ValueError(f'{type(self).__name__}: {message}')
