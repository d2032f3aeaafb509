"""Control: the modified ResNet-18 with ordinary convolutions on ImageNet-1k.

Run: python tools/train.py configs/decoupled/baseline_resnet18_imagenet.py
Expect: not trained by us; we know of no published number.
Cost: 1 x ResNet-18 with 128 to 1024 channels.
"""

_base_ = [
    '../_base_/models/modified_resnet18.py',
    '../_base_/datasets/imagenet_bs40_squeezed.py',
    '../_base_/schedules/decoupled_imagenet.py',
    '../_base_/runtime_by_iter.py',
]

default_hooks = dict(checkpoint=dict(interval=4000))
