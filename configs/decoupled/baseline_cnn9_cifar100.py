"""Control: plain CNN-9 with batch norm and ordinary convolutions, CIFAR-100.

Run: python tools/train.py configs/decoupled/baseline_cnn9_cifar100.py
Expect: not trained by us; the paper's error is 26.01, without ReLU 58.24. Its schedule
    for this network is not known, here it is that of wy1iu/DCNets for ResNet-32.
    Without ReLU: --cfg-options model.backbone.act_cfg=None
Cost: 1 x CNN-9.
"""

_base_ = [
    '../_base_/models/cnn9.py',
    '../_base_/datasets/cifar100_bs128.py',
    '../_base_/schedules/decoupled_cifar.py',
    '../_base_/runtime_by_iter.py',
]
