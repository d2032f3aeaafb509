"""CNN-9 of SegConv and cosine with batch norm, CIFAR-100.

Run: python tools/train.py configs/decoupled/segmented_cnn9_cifar100.py
Expect: not trained by us; the paper's error is 24.96, without ReLU 33.57.
Cost: 1 x CNN-9 and its patch norms.
"""

_base_ = './tanh_cnn9_cifar100.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='segmented')))
