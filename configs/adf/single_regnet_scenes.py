"""Control: a single RegNetX-200MF on scenes, crops of 64 pixels.

Run: python tools/study.py configs/studies/adf_regnet_scenes.py (see its docstring)
Expect: 82.6 ± 0.2 % test top-1 over 6 seeds as `single` (docs/results.md).
Cost: 16.2 M multiply-adds per image; about 6 minutes on one CPU core.
"""

_base_ = [
    '../_base_/models/regnetx_200mf.py',
    '../_base_/datasets/scenes_64.py',
    '../_base_/schedules/adamw_converged.py',
    '../_base_/runtime.py',
]

default_hooks = dict(
    logger=dict(interval=10), channels_last=dict(type='ChannelsLastHook')
)
randomness = dict(seed=0)
