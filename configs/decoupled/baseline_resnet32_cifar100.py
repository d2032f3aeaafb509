"""Control: ResNet-32 with ordinary convolutions on CIFAR-100.

Run: python tools/train.py configs/decoupled/baseline_resnet32_cifar100.py
Expect: not trained by us; we know of no published number.
Cost: 1 x ResNet-32 with 96 to 384 channels.
"""

_base_ = [
    '../_base_/models/resnet32.py',
    '../_base_/datasets/cifar100_bs128.py',
    '../_base_/schedules/decoupled_cifar.py',
    '../_base_/runtime_by_iter.py',
]
