"""CNN-9 of LinearConv and cosine without batch norm, CIFAR-100.

Run: python tools/train.py configs/decoupled/linear_cnn9_cifar100_nobn.py
Expect: not trained by us; the paper's error is 31.76.
Cost: 1 x CNN-9 and its patch norms.
"""

_base_ = './tanh_cnn9_cifar100_nobn.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='linear')))
