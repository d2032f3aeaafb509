"""Control: CNN-9 with ordinary convolutions and batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/baseline_cnn9_cifar100.py
Expect: not trained by us; the paper reports an error of 26.01 %, and 58.24 % without
    ReLU (--cfg-options model.backbone.act_cfg=None). Its schedule for this network is
    unknown; this one is that of wy1iu/DCNets for ResNet-32.
Cost: 1 x CNN-9.
"""

_base_ = [
    '../_base_/models/cnn9.py',
    '../_base_/datasets/cifar100_bs128.py',
    '../_base_/schedules/decoupled_cifar.py',
    '../_base_/runtime_by_iter.py',
]
