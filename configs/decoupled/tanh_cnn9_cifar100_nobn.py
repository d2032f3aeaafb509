"""CNN-9 of TanhConv and cosine without batch norm, CIFAR-100.

Run: python tools/train.py configs/decoupled/tanh_cnn9_cifar100_nobn.py
Expect: not trained by us; the paper's error is 31.88, 32.88 with angle='linear' and
    34.26 with 'square_cosine'.
Cost: 1 x CNN-9 and its patch norms.
"""

_base_ = './tanh_cnn9_cifar100.py'

model = dict(backbone=dict(norm_cfg=None))
