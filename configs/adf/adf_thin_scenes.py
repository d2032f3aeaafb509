"""Thin ADF-ResNet-18 on scenes, fused into the last two stages.

Run: python tools/train.py configs/adf/adf_thin_scenes.py
Expect: 74.3 % top-1 (0.3 over 7 seeds) in configs/studies/adf_scenes.py.
Cost: 6.8 M multiply-adds per image in training, 5.8 M deployed; about a minute on one
    CPU core.
"""

_base_ = './single_thin_scenes.py'

model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(0, 1), target=2),
        dict(type='Mapper', sources=(0, 1), target=3),
    ],
)
