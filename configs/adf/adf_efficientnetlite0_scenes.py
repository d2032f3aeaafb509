"""ADF-EfficientNet-Lite0, both branches with ImageNet weights, fine-tuned on scenes.

Run: python tools/model_converters/efficientnet_lite.py lite0 data/lite0.pth
    python tools/train.py configs/adf/adf_efficientnetlite0_scenes.py
Expect: 76.0 ± 1.3 % test top-1 with 20 images per class, 77.9 ± 0.8 % with
    distillation, with which it is 91.8 ± 0.4 % after 5 epochs of all images
    (docs/results.md).
Cost: 142 M multiply-adds per image of 96 pixels in training, 86 M deployed.
"""

_base_ = './single_efficientnetlite0_scenes.py'

model = dict(
    type='ADFClassifier',
    backbone=dict(init_cfg=None),
    pretrained_branches=dict(checkpoint='data/lite0.pth'),
    mapper=[
        dict(type='Mapper', sources=(0, 1), target=3),
        dict(type='Mapper', sources=(0, 1), target=4),
    ],
)
