"""The stages of timm's networks, numbered as timm numbers its features.

`features_only=True` makes timm wrap a network in one of a few classes. A network is cut
where its class takes features, if it runs its modules one after another.
"""

from typing import List

from mmpretrain.models import TIMMBackbone
from torch import Tensor, nn

from .families import cut
from .stages import FAMILIES, Stages, family, full_name, stages_of

# Networks in a FeatureGetterNet that run one after another: their stem and body.
SEQUENTIAL = {
    'timm.models.convmixer.ConvMixer': ('stem', 'blocks'),
    'timm.models.cspnext.CspNext': ('stem', 'stages'),
    'timm.models.mobilenetv5.MobileNetV5': ('conv_stem', 'blocks'),
}


class TimmStages(Stages):
    """A wrapped network of timm, with or without features_only=True."""

    def out_stages(self, backbone: nn.Module) -> List[int]:
        """Return `out_indices` of a network with features_only=True, else the last."""
        info = getattr(backbone.timm_model, 'feature_info', None)
        if not hasattr(info, 'out_indices'):
            return [len(self) - 1]
        return self.resolve_indices(info.out_indices, len(info.info), backbone)


class ChannelsLastStages(TimmStages):
    """A network whose layers take and return feature maps (N, H, W, C)."""

    def run(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Run one stage, from images or (N, C, H, W) to (N, C', H', W')."""
        if stage > 0:
            x = x.permute(0, 2, 3, 1)
        return super().run(backbone, stage, x).permute(0, 3, 1, 2)


@family(TIMMBackbone)
def timm_backbone(backbone: nn.Module) -> Stages:
    """The stages of the network in MMPretrain's wrapper of timm."""
    network = backbone.timm_model
    features = hasattr(getattr(network, 'feature_info', None), 'out_indices')
    if not features and full_name(type(network)) not in FAMILIES:
        raise ValueError(
            f'TIMMBackbone: the stages of {_name(network)} are known only where timm '
            'takes its features; set features_only=True.'
        )
    names = stages_of(network).names
    names = [[f'timm_model.{name}' for name in stage] for stage in names]
    if getattr(network, 'output_fmt', None) == 'NHWC':
        return ChannelsLastStages(names)
    return TimmStages(names)


@family('timm.models._features.FeatureListNet')
def timm_list(network: nn.Module) -> Stages:
    """Most convolutional and hierarchical networks: a sequence of modules."""
    modules = [info['module'].replace('.', '_') for info in network.feature_info.info]
    ends = [name for name in modules if name in network]
    if ends != modules[: len(ends)]:
        raise _refusal(network, f'its first feature is not a module, of {modules}')
    if network.concat or any(_returns_a_list(m) for m in network.values()):
        raise _refusal(network, 'its stages return several tensors')
    if (layout := network.output_fmt) not in ('NCHW', 'NHWC'):
        raise _refusal(network, f'its features are {layout.value}, not feature maps')
    return Stages(cut(list(network), ends))


@family(
    'timm.models.efficientnet.EfficientNetFeatures',
    'timm.models.mobilenetv3.MobileNetV3Features',
)
def timm_efficientnet(network: nn.Module) -> Stages:
    """EfficientNet, MobileNet, MNASNet, LCNet and others made of the same blocks."""
    if network.feature_hooks is not None:
        raise _refusal(
            network, "with feature_location='expansion', features lie inside blocks"
        )
    stem = [name for name, _ in network.named_children() if name != 'blocks']
    blocks = [f'blocks.{i}' for i in range(len(network.blocks))]
    indices = [info['stage'] for info in network.feature_info.info]
    return Stages(cut([*stem, *blocks], [[stem[-1], *blocks][i] for i in indices]))


@family('timm.models.efficientnet.EfficientNet')
def timm_whole_efficientnet(network: nn.Module) -> Stages:
    """With the last 1 x 1 convolution, a stage of its own, which features lack."""
    names = [name for name, _ in network.named_children()]
    stem = names[: names.index('blocks')]
    last = names[names.index('blocks') + 1 : names.index('global_pool')]
    blocks = [f'blocks.{i}' for i in range(len(network.blocks))]
    ends = [[stem[-1], *blocks][info['stage']] for info in network.feature_info]
    return Stages(cut([*stem, *blocks, *last], [*ends, last[-1]]))


@family('timm.models._features.FeatureGetterNet')
def timm_getter(network: nn.Module) -> Stages:
    """Networks with a method that returns features; for most it does more than run."""
    known = SEQUENTIAL.get(full_name(type(network.model)))
    if known is None:
        reason = 'its stages need more than a feature map, such as tokens or positions'
        raise _refusal(network, reason)
    stem, body = (f'model.{name}' for name in known)
    layers = [stem, *(f'{body}.{i}' for i in range(len(network.get_submodule(body))))]
    modules = [f'model.{info["module"]}' for info in network.feature_info.info]
    ends = [name if name.startswith(body) else stem for name in modules]
    return Stages(cut(layers, [name for name in ends if name in layers]))


@family('timm.models._features.FeatureHookNet')
def timm_hooks(network: nn.Module) -> Stages:
    """Refused: hooks take the features from inside blocks."""
    modules = ', '.join(network.feature_info.module_name())
    reason = f'timm takes its features by hooks inside blocks ({modules})'
    children = dict(network.named_children())
    if full_name(type(children.get('body'))) in FAMILIES:
        raise ValueError(f'TIMMBackbone: {reason}; set features_only=False.')
    raise _refusal(network, reason)


@family('timm.models.hrnet.HighResolutionNetFeatures')
def timm_hrnet(network: nn.Module) -> Stages:
    """Refused: the branches of all resolutions run side by side."""
    raise _refusal(network, 'its branches run side by side, not one after another')


@family('timm.models.xception.Xception')
def timm_xception(network: nn.Module) -> Stages:
    """legacy_xception, which is Keras's: stages of stride 2, 4, 8, 16 and 32."""
    layers = [name for name, _ in network.named_children()]
    layers = layers[: layers.index('act4') + 1]
    return Stages(cut(layers, ('act2', 'block1', 'block2', 'block11', 'act4')))


@family('timm.models.resnetv2.ResNetV2')
def timm_resnetv2(network: nn.Module) -> Stages:
    """The final norm belongs to the last stage."""
    names = [[f'stages.{i}'] for i in range(len(network.stages))]
    names[-1].append('norm')
    return Stages([('stem', *names[0]), *names[1:]])


def _returns_a_list(module: nn.Module) -> bool:
    return type(module).__name__ == 'SelecSlsBlock'


def _refusal(network: nn.Module, reason: str) -> ValueError:
    return ValueError(
        f'TIMMBackbone: {_name(network)} cannot be cut into stages: {reason}; choose '
        'a network from the table in docs/models.md.'
    )


def _name(network: nn.Module) -> str:
    """Return the name that timm's registry has for a network, or else its class."""
    cfg = getattr(network, 'pretrained_cfg', None) or {}
    return cfg.get('architecture') or type(network).__name__
