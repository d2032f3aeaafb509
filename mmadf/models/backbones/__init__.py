"""Published networks of Decoupled Networks, decoupled by their `conv_cfg`."""

from .cnn9 import CNN9
from .modified_resnet18 import ModifiedResNet18
from .resnet32 import ResNet32

__all__ = ['CNN9', 'ModifiedResNet18', 'ResNet32']
