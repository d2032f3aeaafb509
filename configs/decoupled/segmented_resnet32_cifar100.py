"""ResNet-32 of SegConv and cosine, CIFAR-100.

Run: python tools/train.py configs/decoupled/segmented_resnet32_cifar100.py
Expect: not trained by us; we know of no number of the paper.
Cost: 1 x ResNet-32 of 96 to 384 channels and its patch norms.
"""

_base_ = './tanh_resnet32_cifar100.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='segmented')))
