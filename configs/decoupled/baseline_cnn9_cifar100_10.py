"""Control: a narrow CNN-9 with ordinary convolutions on ten classes of CIFAR-100.

Run: python tools/study.py configs/studies/decoupled_cifar100_10.py (see its docstring)
Expect: 88.2 ± 1.2 % test top-1 over 5 seeds as `baseline` (docs/results.md).
Cost: 38 M multiply-adds per image.
"""

_base_ = [
    '../_base_/models/cnn9.py',
    '../_base_/datasets/cifar100_10.py',
    '../_base_/schedules/cifar_converged.py',
    '../_base_/runtime.py',
]

model = dict(
    backbone=dict(
        channels=(24, 48, 96),
        fc_channels=96,
        norm_cfg=dict(_delete_=True, type='BN', eps=1e-3),
    ),
    head=dict(in_channels=96, num_classes=10, loss=dict(label_smooth_val=0.1)),
)
default_hooks = dict(
    logger=dict(interval=10), channels_last=dict(type='ChannelsLastHook')
)
randomness = dict(seed=0)
