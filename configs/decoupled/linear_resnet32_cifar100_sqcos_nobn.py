"""ResNet-32 of LinearConv and square cosine without batch norm, CIFAR-100.

Run: python tools/train.py configs/decoupled/linear_resnet32_cifar100_sqcos_nobn.py
Expect: not trained by us; we know of no number of the paper.
Cost: 1 x ResNet-32 of 96 to 384 channels and its patch norms.
"""

_base_ = './linear_resnet32_cifar100.py'

model = dict(backbone=dict(conv_cfg=dict(angle='square_cosine'), norm_cfg=None))
