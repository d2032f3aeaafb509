"""ADF-EfficientNet-Lite0, both branches with ImageNet weights, fine-tuned on scenes.

Run: python tools/study.py configs/studies/adf_pretrained_scenes.py (see its docstring)
Expect: 76.0 ± 1.3 % test top-1 as `inside`, 77.9 ± 0.8 % as `distilled`, with 20 images
    per class; 91.8 ± 0.4 % as `distilled` of adf_pretrained_scenes_all.py
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
