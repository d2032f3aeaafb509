"""The stages of backbones whose blocks take tokens: Swin and ViT.

Between stages, tokens have the shape of a feature map, so that they can be fused.
"""

from typing import Optional, Tuple

from mmpretrain.models import backbones as host
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor, nn

from .families import NormedStages
from .stages import Stages, family


class SwinStages(NormedStages):
    """Swin, whose blocks take tokens, (N, H * W, C), and the size (H, W)."""

    def run(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Run the patch embedding or the downsampling, then the blocks of a stage."""
        if stage == 0:
            positions = (
                backbone.absolute_pos_embed if backbone.use_abs_pos_embed else None
            )
            tokens, size = _embed(backbone, x, positions)
        else:
            downsample = backbone.stages[stage - 1].downsample
            tokens, size = downsample(_tokens(x), x.shape[-2:])
        for block in backbone.stages[stage].blocks:
            tokens = block(tokens, size)
        return _map(tokens, size)

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Return the normalised feature map."""
        tokens = backbone.get_submodule(f'norm{stage}')(_tokens(x))
        return _map(tokens, x.shape[-2:]).contiguous()


@family(host.SwinTransformer)
def swin(backbone: nn.Module) -> Stages:
    """A stage starts with its downsampling, which the previous one holds."""
    if backbone.out_after_downsample:
        raise ValueError(
            'SwinTransformer: out_after_downsample=True is not supported, because it '
            'moves the ends of the stages; set it to False.'
        )
    names = [
        (f'stages.{i - 1}.downsample', f'stages.{i}.blocks')
        for i in range(1, len(backbone.stages))
    ]
    return SwinStages([('patch_embed', 'drop_after_pos', 'stages.0.blocks'), *names])


class ViTStages(Stages):
    """A ViT without class token, of which each layer is a stage."""

    def run(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Run a layer, the first one after the patch embedding."""
        if stage == 0:
            tokens, size = _embed(backbone, x, backbone.pos_embed)
            tokens = backbone.pre_norm(tokens)
        else:
            tokens, size = _tokens(x), x.shape[-2:]
        return _map(backbone.layers[stage](tokens), size)

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Return (N, C, H, W), or (N, C) with out_type='avg_featmap'."""
        tokens = _tokens(x)
        if stage == len(self) - 1 and backbone.final_norm:
            tokens = backbone.ln1(tokens)
        if backbone.out_type == 'avg_featmap':
            return backbone.ln2(tokens.mean(dim=1))
        return _map(tokens, x.shape[-2:])

    def output_names(self, stage: int) -> Tuple[str, ...]:
        """Return the final norm for the last stage, and the norm of the mean."""
        return ('ln1', 'ln2') if stage == len(self) - 1 else ('ln2',)


@family(host.VisionTransformer)
def vit(backbone: nn.Module) -> Stages:
    """The first stage starts with the patch embedding."""
    if backbone.with_cls_token or backbone.out_type not in ('featmap', 'avg_featmap'):
        raise ValueError(
            f'VisionTransformer: with_cls_token={backbone.with_cls_token} and out_type='
            f'{backbone.out_type!r} leave more or less than a feature map between '
            "layers; set with_cls_token=False and out_type='avg_featmap' or 'featmap'."
        )
    layers = [(f'layers.{i}',) for i in range(backbone.num_layers)]
    stem = ('patch_embed', 'drop_after_pos', 'pre_norm')
    return ViTStages([(*stem, *layers[0]), *layers[1:]])


def _embed(
    backbone: nn.Module, x: Tensor, positions: Optional[Tensor]
) -> Tuple[Tensor, Tuple[int, int]]:
    """Return the patch tokens with position embeddings, and their size (H, W)."""
    tokens, size = backbone.patch_embed(x)
    if positions is not None:
        tokens = tokens + resize_pos_embed(
            positions,
            backbone.patch_resolution,
            size,
            backbone.interpolate_mode,
            backbone.num_extra_tokens,
        )
    return backbone.drop_after_pos(tokens), size


def _tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)  # (N, C, H, W) -> (N, H * W, C)


def _map(tokens: Tensor, size: Tuple[int, int]) -> Tensor:
    return tokens.transpose(1, 2).unflatten(2, size)  # (N, H * W, C) -> (N, C, H, W)
