"""The networks of Decoupled Networks, and variants of MMPretrain's backbones."""

from .cnn9 import CNN9
from .decoupled_backbone import build_decoupled_backbone
from .inception_v3 import InceptionV3Map
from .modified_resnet18 import ModifiedResNet18
from .resnet32 import ResNet32

__all__ = [
    'CNN9',
    'InceptionV3Map',
    'ModifiedResNet18',
    'ResNet32',
    'build_decoupled_backbone',
]
