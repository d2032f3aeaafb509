"""Wise-SrNet (Avg+DW+C) on a tiny ResNet, scenes at 84 pixels.

Run: python tools/train.py configs/wise_srnet/wisesrnet_tiny_scenes.py
Expect: see configs/studies/wise_srnet_scenes.py.
Cost: minutes on two CPU cores.
"""

_base_ = './gap_tiny_scenes.py'

model = dict(
    neck=None,
    head=dict(type='WiseSrNetHead', map_size=6, pool_size=2),
)
