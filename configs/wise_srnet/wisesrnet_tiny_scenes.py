"""Tiny ResNet with Wise-SrNet (Avg+DW+C) on scenes at 84 pixels.

Run: python tools/train.py configs/wise_srnet/wisesrnet_tiny_scenes.py
Expect: not trained to the end by us.
Cost: 20 M multiply-adds per image; about 5 minutes on one CPU core.
"""

_base_ = './gap_tiny_scenes.py'

model = dict(
    neck=None,
    head=dict(type='WiseSrNetHead', map_size=6, pool_size=2),
)
