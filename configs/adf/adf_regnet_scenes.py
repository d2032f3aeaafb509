"""ADF-RegNetX-200MF on scenes, fused into the last two stages.

Run: python tools/train.py configs/adf/adf_regnet_scenes.py
Expect: see configs/studies/adf_regnet_scenes.py.
Cost: 34 M multiply-adds per image in training, 20 M deployed; about 17 minutes on
    one CPU core.
"""

_base_ = './single_regnet_scenes.py'

model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(0, 1), target=-2),
        dict(type='Mapper', sources=(0, 1), target=-1),
    ],
)
