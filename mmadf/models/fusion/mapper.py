"""Mapper: shallow appearance features into deep semantic features."""

from typing import Optional, Sequence

from mmcv.cnn import DepthwiseSeparableConvModule
from mmengine.model import BaseModule, ModuleList, Sequential
from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmadf.registry import MODELS
from mmadf.utils.arguments import check_dicts, check_numbers, is_count

from .gate import FUSIONS, GATES, build_gate


class AppearancePath(BaseModule):
    """Depthwise-separable convolutions from one source to the shape of the target.

    log2(stride) blocks of stride 2 with the channels of the source, then one block to
    the channels of the target, without activation.

    Args:
        in_channels: channels of the source, > 0.
        out_channels: channels of the target, > 0.
        stride: how many times finer the source is, per side, a power of 2.
        norm_cfg: norm of the blocks, None for none.
        act_cfg: activation within the blocks.
        zero_init: whether the path is initialised to give 0, see `Mapper`.

    Raises:
        ValueError: `zero_init` with a norm that has no weights to train.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        norm_cfg: Optional[dict],
        act_cfg: dict,
        zero_init: bool,
    ) -> None:
        conv = dict(kernel_size=3, padding=1, norm_cfg=norm_cfg, act_cfg=act_cfg)
        steps = [
            DepthwiseSeparableConvModule(in_channels, in_channels, stride=2, **conv)
            for _ in range(stride.bit_length() - 1)
        ]
        last = DepthwiseSeparableConvModule(
            in_channels, out_channels, pw_act_cfg=None, **conv
        )
        super().__init__()
        self.steps = Sequential(*steps, last)
        self.zero_init = zero_init
        norm = last.pointwise_conv.norm
        weight = getattr(norm, 'weight', None)
        if (
            zero_init
            and norm is not None
            and not (weight is not None and weight.requires_grad)
        ):
            raise ValueError(
                f'Mapper: norm_cfg={norm_cfg} gives a norm without weights that are '
                'trained, which zero_init=True would set to 0 for good; set '
                'affine=True and requires_grad=True in norm_cfg, norm_cfg=None, or '
                'zero_init=False.'
            )
        self._init_last_layer()

    def init_weights(self) -> None:
        """Initialise, keeping the zero-initialised last layer."""
        super().init_weights()
        self._init_last_layer()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        return self.steps(x)

    def is_frozen_at_zero(self) -> bool:
        """Return whether the path gives 0 and its last layer is not trained."""
        state = list(self._last_layer().parameters())
        return not any(p.requires_grad or p.any() for p in state)

    def _last_layer(self) -> nn.Module:
        last = self.steps[-1].pointwise_conv
        folded = isinstance(last.norm, nn.Identity)
        return last.norm if last.with_norm and not folded else last.conv

    def _init_last_layer(self) -> None:
        if self.zero_init:
            last = self._last_layer()
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)


@MMENGINE_MODELS.register_module()
@MODELS.register_module()
class Mapper(BaseModule):
    """Map shallow appearance features into one deep semantic feature map by a gate.

    .. code-block:: none

        appearance[i] -> depthwise-separable convs -+
        appearance[j] -> depthwise-separable convs -+-> sum = a --+
                                                                  |
        semantic = s ------------------> gate(s, a) = g --> fuse(s, a, g)

    Paper: ADF (Neural Networks 187, 107346), abstract: "depthwise-separable
    convolution + gated fusion", shallow features into deep feature space.
    Code: none is public.
    Ours: every other choice below, each one argument. Downsampling follows HRNet
    (arXiv 1908.07919), a chain of stride-2 convolutions; the zero initialisation
    follows CBNetV2 (arXiv 2107.00420), a last norm whose weights start at 0.

    Args:
        sources: stages of the appearance backbone that feed this mapper, in the
            backbone's own numbering (`out_indices`), at least one.
        in_channels: channels of each source, as many as `sources`.
        out_channels: channels of the semantic feature map, > 0.
        strides: how many times finer each source is than the semantic feature map,
            per side, powers of 2 (1, 2, 4, ...), as many as `sources`.
        target: stage of the semantic backbone whose feature map is fused, counted as
            `sources` are, or from the end; -1 is the last one. Read by the classifier.
        fusion: form of the gated fusion, 'residual' for s + g * a, 'convex' for
            g * s + (1 - g) * a.
        gate: what has a gate value of its own: 'element' (channel and
            position), 'channel', 'spatial' (position) or 'layer' (one number).
        gate_bias: initial logit of the gate, whose initial value is
            sigmoid(gate_bias). None takes 0 (half open) for 'residual' and 4
            (0.982 of s) for 'convex'.
        zero_init: initialise each path to give a = 0. A new network then gives the
            plain semantic feature map ('residual'), or that times sigmoid(gate_bias)
            ('convex'), and learns how much appearance to add.
        resize: interpolate (bilinear) the output of a path to the size of the semantic
            feature map where strides alone do not give it: in Inception, whose
            convolutions have no padding, and, for some image sizes, in ConvNeXt,
            DenseNet and VGG, which round down. If False, other sizes are an error.
        norm_cfg: norm of the paths, None for none.
        act_cfg: activation within the paths.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        TypeError: a norm or an activation that is not a config.
        ValueError: unknown fusion or gate, no source, a number instead of a list, lists
            of different lengths, channels that are no integers > 0, a stride that is
            not a power of 2, a bias that is no finite number, or `zero_init` with a
            norm that has no weights to train.
    """

    def __init__(
        self,
        sources: Sequence[int],
        in_channels: Sequence[int],
        out_channels: int,
        strides: Sequence[int],
        target: int = -1,
        fusion: str = 'residual',
        gate: str = 'element',
        gate_bias: Optional[float] = None,
        zero_init: bool = True,
        resize: bool = False,
        norm_cfg: Optional[dict] = dict(type='BN'),
        act_cfg: dict = dict(type='ReLU'),
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        check_dicts('Mapper', norm_cfg=norm_cfg, act_cfg=act_cfg)
        _check(sources, in_channels, out_channels, strides, fusion, gate)
        self.sources = tuple(sources)
        self.target = target
        self.in_channels = tuple(in_channels)
        self.out_channels = out_channels
        self.strides = tuple(strides)
        self.fusion = fusion
        self.gate_name = gate
        self.resize = resize
        if gate_bias is None:
            gate_bias = 4.0 if fusion == 'convex' else 0.0
        check_numbers('Mapper', gate_bias=gate_bias)
        self.paths = ModuleList(
            AppearancePath(c, out_channels, r, norm_cfg, act_cfg, zero_init)
            for c, r in zip(in_channels, strides, strict=True)
        )
        self.gate = build_gate(gate, out_channels, gate_bias)
        self.fuse = FUSIONS[fusion]

    def forward(self, appearance: Sequence[Tensor], semantic: Tensor) -> Tensor:
        """Fuse appearance features into a semantic feature map.

        Args:
            appearance: one feature map per source, (N, in_channels[i], H * strides[i],
                W * strides[i]); odd sizes may round up.
            semantic: (N, out_channels, H, W).

        Returns:
            (N, out_channels, H, W).

        Raises:
            ValueError: wrong number of feature maps, channels or resolutions.
        """
        self._check_maps(appearance, semantic)
        mapped = [path(x) for path, x in zip(self.paths, appearance, strict=True)]
        if self.resize:
            mapped = [_resized(x, semantic) for x in mapped]
        self._check_resolutions(appearance, mapped, semantic)
        a = sum(mapped[1:], start=mapped[0])
        return self.fuse(semantic, a, self.gate(semantic, a))

    def _check_maps(self, appearance: Sequence[Tensor], semantic: Tensor) -> None:
        if len(appearance) != len(self.sources):
            raise ValueError(
                f'Mapper: got {len(appearance)} appearance feature maps, built for '
                f'{len(self.sources)} (sources={self.sources}); give one per source.'
            )
        got = tuple(x.shape[1] for x in (*appearance, semantic))
        built = (*self.in_channels, self.out_channels)
        if got != built:
            raise ValueError(
                f'Mapper: got {got[:-1]} appearance and {got[-1]} semantic channels, '
                f'built for in_channels={built[:-1]} and '
                f'out_channels={built[-1]}; correct these two.'
            )

    def _check_resolutions(
        self, appearance: Sequence[Tensor], mapped: Sequence[Tensor], semantic: Tensor
    ) -> None:
        for source, stride, x, y in zip(
            self.sources, self.strides, appearance, mapped, strict=True
        ):
            if y.shape[-2:] != semantic.shape[-2:]:
                raise ValueError(
                    f'Mapper: source {source} of {_size(x)} becomes {_size(y)} by '
                    f'strides={stride}, the semantic feature map is '
                    f'{_size(semantic)}; choose strides or an image size for which '
                    'both are equal, or set resize=True.'
                )

    def extra_repr(self) -> str:
        """Return the choices that the submodules do not show."""
        return (
            f'sources={self.sources}, target={self.target}, strides={self.strides}, '
            f'fusion={self.fusion!r}, gate={self.gate_name!r}, '
            f'resize={self.resize}'
        )


def _resized(x: Tensor, like: Tensor) -> Tensor:
    """Interpolate (N, C, H, W) to height and width of `like`."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode='bilinear')


def _size(x: Tensor) -> str:
    return f'{x.shape[-2]}x{x.shape[-1]}'


def _check(
    sources: Sequence[int],
    in_channels: Sequence[int],
    out_channels: int,
    strides: Sequence[int],
    fusion: str,
    gate: str,
) -> None:
    lists = dict(sources=sources, in_channels=in_channels, strides=strides)
    for name, value in lists.items():
        if not isinstance(value, (list, tuple)):
            raise ValueError(
                f'Mapper: {name}={value!r} must be a list with one entry per source, '
                f'such as {name}=[{value!r}].'
            )
    if not len(sources) == len(in_channels) == len(strides) > 0:
        raise ValueError(
            f'Mapper: sources={tuple(sources)}, in_channels={tuple(in_channels)} and '
            f'strides={tuple(strides)} must have one entry per source, at least one.'
        )
    if not all(map(is_count, (*in_channels, out_channels))):
        raise ValueError(
            f'Mapper: in_channels={tuple(in_channels)} and '
            f'out_channels={out_channels!r} must be integers > 0.'
        )
    for stride in strides:
        if not isinstance(stride, int) or stride < 1 or stride & (stride - 1):
            raise ValueError(
                f'Mapper: strides={tuple(strides)} must be powers of 2 (1, 2, 4, ...), '
                'how many times finer each source is than the semantic map.'
            )
    if fusion not in list(FUSIONS):
        raise ValueError(f'Mapper: fusion={fusion!r} is none of {sorted(FUSIONS)}.')
    if gate not in list(GATES):
        raise ValueError(f'Mapper: gate={gate!r} is none of {sorted(GATES)}.')
