"""The stages of each family of backbones, numbered as in its `out_indices`.

Where a backbone normalises a feature map only to return it, as ConvNeXt and Swin do,
this norm is the `output` of the stage, and fusion happens before it.
"""

from itertools import pairwise
from typing import List, Sequence, Tuple

from mmpretrain.models import backbones as host
from torch import Tensor, nn

from .stages import Stages, family


@family(
    host.ResNet,
    'mmseg.models.backbones.resnet.ResNet',
    'mmdet.models.backbones.resnet.ResNet',
)
def resnet(backbone: nn.Module) -> Stages:
    """ResNet, ResNeXt, SE-ResNet, SE-ResNeXt and others with the same forward pass."""
    stem = ('stem',) if backbone.deep_stem else ('conv1', backbone.norm1_name, 'relu')
    return after((*stem, 'maxpool'), backbone.res_layers)


@family(host.RegNet, host.ResNet_CIFAR)
def resnet_without_pool(backbone: nn.Module) -> Stages:
    """The stem is one convolution."""
    return after(('conv1', backbone.norm1_name, 'relu'), backbone.res_layers)


@family(host.DenseNet)
def densenet(backbone: nn.Module) -> Stages:
    """A stage ends after its transition, the last stage after the final norm."""
    names = [(f'stages.{i}', f'transitions.{i}') for i in range(backbone.num_stages)]
    return Stages([('stem', *names[0]), *names[1:]])


@family(host.InceptionV3, 'mmadf.models.backbones.inception_v3.InceptionV3Map')
def inception_v3(backbone: nn.Module) -> Stages:
    """Five stages, which end with pool 1, pool 2, Mixed 5d, 6e and 7c."""
    ends = ('maxpool1', 'maxpool2', 'Mixed_5d', 'Mixed_6e', 'Mixed_7c')
    layers = [name for name, _ in backbone.named_children() if name != 'AuxLogits']
    classifier = 'classifier (fc)' if hasattr(backbone, 'fc') else ''
    return Stages(cut(layers, ends), classifier)


@family(host.EfficientNet)
def efficientnet(backbone: nn.Module) -> Stages:
    """The stem is stage 0, the last 1 x 1 convolution the last stage."""
    return Stages([(f'layers.{i}',) for i in range(len(backbone.layers))])


@family(host.MobileNetV2)
def mobilenet_v2(backbone: nn.Module) -> Stages:
    """The last 1 x 1 convolution is the last stage."""
    return after(('conv1',), backbone.layers)


@family(host.MobileNetV3)
def mobilenet_v3(backbone: nn.Module) -> Stages:
    """Each layer is a stage, the stem is stage 0."""
    return after((), backbone.layers)


@family(host.MobileOne)
def mobileone(backbone: nn.Module) -> Stages:
    """The stem, `stage0` of MMPretrain, belongs to the first stage."""
    return after(('stage0',), backbone.stages)


@family(host.RepVGG)
def repvgg(backbone: nn.Module) -> Stages:
    """The optional pool after the last stage belongs to it."""
    names = [[name] for name in backbone.stages]
    names[-1].append('ppf')
    return Stages([('stem', *names[0]), *names[1:]])


@family(host.VGG)
def vgg(backbone: nn.Module) -> Stages:
    """A stage ends after its pool; the built-in classifier is not a stage."""
    names = [
        [f'{backbone.module_name}.{layer}' for layer in range(*span)]
        for span in backbone.range_sub_modules
    ]
    classifier = 'classifier (set num_classes=-1 in the backbone)'
    return Stages(names, classifier if backbone.num_classes > 0 else '')


@family('mmadf.models.backbones.staged.StagedBackbone')
def staged(backbone: nn.Module) -> Stages:
    """CNN-9 and the modified ResNet-18."""
    return Stages([(f'stages.{i}',) for i in range(len(backbone.stages))])


class NormedStages(Stages):
    """Stages whose feature maps are returned through a norm of their own."""

    def output_names(self, stage: int) -> Tuple[str, ...]:
        """Return the name of the norm of a stage."""
        return (f'norm{stage}',)


class ConvNeXtStages(NormedStages):
    """ConvNeXt, which by default returns the normalised mean of each feature map."""

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Return (N, C), or (N, C, H, W) if `gap_before_final_norm` is off."""
        norm = backbone.get_submodule(f'norm{stage}')
        if backbone.gap_before_final_norm:
            return norm(x.mean((2, 3), keepdim=True)).flatten(1)
        return norm(x)


@family(host.ConvNeXt)
def convnext(backbone: nn.Module) -> Stages:
    """A stage starts with its downsampling."""
    names = [(f'downsample_layers.{i}', f'stages.{i}') for i in range(4)]
    return ConvNeXtStages(names)


def after(stem: Tuple[str, ...], layers: List[str]) -> Stages:
    """Return one stage per layer; the stem precedes the first one."""
    return Stages([(*stem, layers[0]), *((layer,) for layer in layers[1:])])


def cut(layers: List[str], ends: Sequence[str]) -> List[List[str]]:
    """Split a sequence of layers after each of `ends`; drop the rest."""
    cuts = [0, *(layers.index(end) + 1 for end in ends)]
    return [layers[i:j] for i, j in pairwise(cuts)]
