"""Tiny ResNet with Wise-SrNet (Avg+DW+C) on scenes at 84 pixels.

Run: python tools/study.py configs/studies/wise_srnet_scenes.py (see its docstring)
Expect: 86.4 ± 0.6 % test top-1 over 5 seeds as `Avg+DW+C` (docs/results.md).
Cost: 17 M multiply-adds per image; about 6 minutes on one CPU core.
"""

_base_ = './gap_tiny_scenes.py'

model = dict(
    neck=None,
    head=dict(type='WiseSrNetHead', map_size=6, pool_size=2),
)
