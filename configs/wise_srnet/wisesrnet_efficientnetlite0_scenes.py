"""EfficientNet-Lite0 with ImageNet weights and Wise-SrNet (Avg+DW+C), on scenes.

Run: python tools/model_converters/efficientnet_lite.py lite0 data/lite0.pth
    python tools/train.py configs/wise_srnet/wisesrnet_efficientnetlite0_scenes.py
Expect: 78.6 ± 1.9 % test top-1 with 20 images per class (docs/results.md).
Cost: 282 M multiply-adds per image of 192 pixels.
"""

_base_ = './gap_efficientnetlite0_scenes.py'

model = dict(
    neck=None,
    head=dict(type='WiseSrNetHead', map_size=6, pool_size=2),
)
