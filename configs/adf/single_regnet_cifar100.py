"""Control: a thin RegNetX on CIFAR-100.

Run: python tools/study.py configs/studies/adf_regnet_cifar100.py (see its docstring)
Expect: 55.0 ± 0.4 % test top-1 (docs/results.md).
Cost: 6.5 M multiply-adds per image; about 20 minutes on one CPU core.
The learning rate was chosen on held-out training images, in trials of 20 epochs that were
not recorded: 51.2 % top-1 after 18 of them, and 50.3 % at a rate of 2e-3.
"""

_base_ = [
    '../_base_/models/regnetx_200mf.py',
    '../_base_/datasets/cifar100_folders.py',
    '../_base_/schedules/adamw_converged.py',
    '../_base_/runtime.py',
]

model = dict(
    backbone=dict(
        arch=dict(w0=16, wa=22.0, group_w=16, depth=10), strides=(1, 2, 2, 2)
    ),
    head=dict(num_classes=100, in_channels=256),
)
optim_wrapper = dict(optimizer=dict(lr=4e-3))
auto_scale_lr = dict(base_batch_size=128)
default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))
randomness = dict(seed=0)
