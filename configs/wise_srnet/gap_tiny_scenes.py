"""Control: tiny ResNet with global average pooling on scenes at 84 pixels.

Run: python tools/study.py configs/studies/wise_srnet_scenes.py (see its docstring)
Expect: 86.6 ± 0.5 % test top-1 over 5 seeds as `GAP` (docs/results.md).
Cost: 17 M multiply-adds per image; about 6 minutes on one CPU core.
"""

_base_ = [
    '../_base_/models/tiny_resnet_3stages.py',
    '../_base_/datasets/scenes.py',
    '../_base_/schedules/adamw_converged.py',
    '../_base_/runtime.py',
]

optim_wrapper = dict(optimizer=dict(lr=4e-3))
default_hooks = dict(
    logger=dict(interval=10), channels_last=dict(type='ChannelsLastHook')
)
randomness = dict(seed=0)
