"""From a map to one vector, by a learned weight per position: Wise-SrNet's pooling."""

from typing import Any, Callable, Dict, Optional, Tuple, Union

from torch import Tensor, nn

from .spatial_kernel import (
    INITS,
    NonNegativeSpatialKernel,
    SpatialKernel,
    resize_kernel,
)

Size = Tuple[int, int]
KERNELS = {None: SpatialKernel, 'nonneg': NonNegativeSpatialKernel}
# Pooling with a kernel -> number of kernels, of `channels`.
KERNEL_COUNTS: Dict[str, Callable[[int], int]] = {
    'depthwise': lambda channels: channels,
    'shared': lambda channels: 1,
}
WITHOUT_KERNEL: Dict[str, Callable[[], nn.Module]] = {
    'flatten': nn.Identity,
    'mean': lambda: nn.AdaptiveAvgPool2d(1),
}


class SpatialPooling(nn.Module):
    """Mixin of head and neck: average pool, then a weighted sum over what remains.

    The owner calls `set_pooling` once, with its own arguments, and `pool_map` in its
    forward pass. See `WiseSrNetHead` for the arguments.
    """

    def set_pooling(
        self,
        in_channels: int,
        *,
        map_size: Union[int, Size],
        pool_size: Optional[int],
        pooling: str,
        constraint: Optional[str],
        kernel_init: str,
        resize_kernel: bool,
    ) -> None:
        """Check the choices and build `pool` and `spatial`.

        Raises:
            ValueError: an unknown name, a size that is not positive, or choices that
                do not go together; see `WiseSrNetHead`.
        """
        name = type(self).__name__
        _check_names(name, pooling, constraint, kernel_init)
        if pooling in WITHOUT_KERNEL:
            _check_without_kernel(name, pooling, pool_size, constraint, resize_kernel)
        self.in_channels = in_channels
        self.map_size = (map_size, map_size) if isinstance(map_size, int) else map_size
        self.map_size = tuple(self.map_size)
        self.pool_size, self.pooling = pool_size, pooling
        self.resize_kernel = resize_kernel
        _check_sizes(name, in_channels, self.map_size, pool_size)
        size = self._behind_pool(self.map_size)
        self.pool = nn.Identity() if pool_size is None else nn.AvgPool2d(pool_size)
        if pooling in WITHOUT_KERNEL:
            self.spatial = WITHOUT_KERNEL[pooling]()
        else:
            count = KERNEL_COUNTS[pooling](in_channels)
            self.spatial = KERNELS[constraint](count, size, kernel_init)
        positions = size[0] * size[1] if pooling == 'flatten' else 1
        self.out_channels = in_channels * positions

    def pool_map(self, feats: Tuple[Tensor, ...]) -> Tensor:
        """Pool the last map.

        Args:
            feats: maps of the backbone; the last one, (N, in_channels, H, W), is used.

        Returns:
            (N, out_channels).

        Raises:
            ValueError: it is no such map, or of a size that it was not built for.
        """
        x = feats[-1]
        self._check_map(x)
        return self.spatial(self.pool(x)).flatten(1)

    def _behind_pool(self, size: Size) -> Size:
        step = self.pool_size or 1
        return size[0] // step, size[1] // step

    def _check_map(self, x: Tensor) -> None:
        name = type(self).__name__
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f'{name}: got a feature of shape {tuple(x.shape)}, takes a map '
                f'(N, {self.in_channels}, H, W); remove the pooling neck or correct '
                'in_channels.'
            )
        size = tuple(x.shape[-2:])
        if self.pooling == 'mean' or size == self.map_size:
            return
        if not self.resize_kernel:
            value = size[0] if size[0] == size[1] else size
            remedy = '' if self.pooling == 'flatten' else ' or resize_kernel=True'
            raise ValueError(
                f'{name}: kernel built for a {_text(self.map_size)} map, got '
                f'{_text(size)}; set map_size={value}{remedy}.'
            )
        if min(self._behind_pool(size)) < 1:
            raise ValueError(
                f'{name}: pool_size={self.pool_size} leaves nothing of a '
                f'{_text(size)} map; give larger images or a smaller pool_size.'
            )

    def _load_from_state_dict(
        self, state_dict: Dict[str, Tensor], prefix: str, *args
    ) -> None:
        """Load, spreading a kernel that was trained on a map of another size."""
        key, spatial = f'{prefix}spatial.weight', self.spatial
        kernel = state_dict.get(key)
        if (
            isinstance(spatial, SpatialKernel)
            and kernel is not None
            and kernel.shape[:2] == spatial.weight.shape[:2]
            and kernel.shape[2:] != spatial.weight.shape[2:]
        ):
            if not self.resize_kernel:
                raise ValueError(
                    f'{type(self).__name__}: kernel built for a '
                    f'{_text(spatial.kernel_size)} map behind the pool, the checkpoint '
                    f'has one for {_text(kernel.shape[2:])}; set map_size as in '
                    'training, or resize_kernel=True.'
                )
            state_dict[key] = resize_kernel(kernel, spatial.kernel_size)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        """Return the choices that the submodules do not show."""
        return (
            f'map_size={self.map_size}, pooling={self.pooling!r}, '
            f'resize_kernel={self.resize_kernel}'
        )


def _text(size: Any) -> str:
    return f'{size[0]}x{size[1]}'


def _check_names(
    name: str, pooling: str, constraint: Optional[str], kernel_init: str
) -> None:
    if pooling not in KERNEL_COUNTS and pooling not in WITHOUT_KERNEL:
        known = sorted([*KERNEL_COUNTS, *WITHOUT_KERNEL])
        raise ValueError(f'{name}: pooling={pooling!r} is none of {known}.')
    if constraint not in KERNELS:
        raise ValueError(
            f"{name}: constraint={constraint!r} is neither 'nonneg' nor None; None "
            'trains without the constraint.'
        )
    if kernel_init not in INITS:
        raise ValueError(
            f'{name}: kernel_init={kernel_init!r} is none of {sorted(INITS)}.'
        )


def _check_without_kernel(
    name: str,
    pooling: str,
    pool_size: Optional[int],
    constraint: Optional[str],
    resize_kernel: bool,
) -> None:
    if constraint is not None or resize_kernel:
        raise ValueError(
            f'{name}: pooling={pooling!r} has no kernel, got constraint='
            f'{constraint!r} and resize_kernel={resize_kernel}; set constraint=None '
            'and resize_kernel=False.'
        )
    if pooling == 'mean' and pool_size is not None:
        raise ValueError(
            f"{name}: pooling='mean' takes the mean of the whole map, got pool_size="
            f'{pool_size}, which drops its last rows; set pool_size=None.'
        )


def _check_sizes(
    name: str, in_channels: int, map_size: Size, pool_size: Optional[int]
) -> None:
    if in_channels < 1:
        raise ValueError(f'{name}: in_channels={in_channels} must be positive.')
    if len(map_size) != 2 or min(map_size) < 1:
        raise ValueError(
            f'{name}: map_size={map_size} must be one positive number or two, height '
            'and width.'
        )
    if pool_size is not None and not 1 <= pool_size <= min(map_size):
        raise ValueError(
            f'{name}: pool_size={pool_size} leaves nothing of a map of map_size='
            f'{_text(map_size)}; choose 1 <= pool_size <= {min(map_size)}, or None.'
        )
