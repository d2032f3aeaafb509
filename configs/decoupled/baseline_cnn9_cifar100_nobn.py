"""Control: plain CNN-9 without batch norm, ordinary convolutions, CIFAR-100.

Run: python tools/train.py configs/decoupled/baseline_cnn9_cifar100_nobn.py
Expect: not trained by us; the paper's error is 35.30.
Cost: 1 x CNN-9.
"""

_base_ = './baseline_cnn9_cifar100.py'

model = dict(backbone=dict(norm_cfg=None))
