"""Tiny ResNet with Wise-SrNet (Avg+DW+C) on scenes at 84 pixels.

Run: python tools/train.py configs/wise_srnet/wisesrnet_tiny_scenes.py
Expect: 76.5 % top-1 (0.7 over 4 seeds) in configs/studies/wise_srnet_scenes.py.
Cost: 5 M multiply-adds per image; a minute on one CPU core.
"""

_base_ = './gap_tiny_scenes.py'

model = dict(
    neck=None,
    head=dict(type='WiseSrNetHead', map_size=6, pool_size=2),
)
