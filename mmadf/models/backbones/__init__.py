"""ADF as a backbone, the networks of Decoupled Networks, and variants of others."""

from .adf_backbone import ADFBackbone
from .cnn9 import CNN9
from .decoupled_backbone import build_decoupled_backbone
from .inception_v3 import InceptionV3Map
from .modified_resnet18 import ModifiedResNet18
from .resnet32 import ResNet32

__all__ = [
    'ADFBackbone',
    'CNN9',
    'InceptionV3Map',
    'ModifiedResNet18',
    'ResNet32',
    'build_decoupled_backbone',
]
