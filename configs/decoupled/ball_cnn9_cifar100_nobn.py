"""CNN-9 of BallConv and cosine without batch norm, CIFAR-100.

Run: python tools/train.py configs/decoupled/ball_cnn9_cifar100_nobn.py
Expect: not trained by us; we know of no number of the paper.
Cost: 1 x CNN-9 and its patch norms.
"""

_base_ = './tanh_cnn9_cifar100_nobn.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='ball')))
