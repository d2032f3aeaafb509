"""Control: CNN-9 with ordinary convolutions and without batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/baseline_cnn9_cifar100_nobn.py
Expect: not trained by us; the paper reports an error of 35.30 %.
Cost: 1 x CNN-9.
"""

_base_ = './baseline_cnn9_cifar100.py'

model = dict(backbone=dict(norm_cfg=None))
