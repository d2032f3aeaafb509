"""Tiny ResNet with Wise-SrNet (Avg+DW+C) on scenes at 84 pixels.

Run: python tools/train.py configs/wise_srnet/wisesrnet_tiny_scenes.py
Expect: 86.4 ± 0.6 % test top-1 over 5 seeds (docs/results.md).
Cost: 17 M multiply-adds per image; about 6 minutes on one CPU core.
"""

_base_ = './gap_tiny_scenes.py'

model = dict(
    neck=None,
    head=dict(type='WiseSrNetHead', map_size=6, pool_size=2),
)
