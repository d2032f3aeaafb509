"""EfficientNet-Lite0 with ImageNet weights and Wise-SrNet (Avg+DW+C), on scenes.

Run: python tools/study.py configs/studies/wise_srnet_pretrained_scenes.py (see its
    docstring)
Expect: 78.6 ± 1.9 % test top-1 as `Avg+DW+C`, with 20 images per class (docs/results.md).
Cost: 282 M multiply-adds per image of 192 pixels.
"""

_base_ = './gap_efficientnetlite0_scenes.py'

model = dict(
    neck=None,
    head=dict(type='WiseSrNetHead', map_size=6, pool_size=2),
)
