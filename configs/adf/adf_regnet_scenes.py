"""ADF-RegNetX-200MF on scenes, fused into the last two stages.

Run: python tools/study.py configs/studies/adf_regnet_scenes.py (see its docstring)
Expect: 83.2 ± 0.6 % test top-1 over 6 seeds as `inside`, 83.5 ± 0.6 % as `distilled`
    (docs/results.md).
Cost: 33 M multiply-adds per image in training, 20 M deployed; about 12 minutes on
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
