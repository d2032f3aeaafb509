"""ADF with a thin RegNetX on CIFAR-100, fused into the last two stages.

Run: python tools/study.py configs/studies/adf_regnet_cifar100.py (see its docstring)
Expect: 57.0 ± 0.8 % test top-1 as `distilled` (docs/results.md).
Cost: 13 M multiply-adds per image in training, 8.9 M deployed; about 45 minutes on one
    CPU core.
"""

_base_ = './single_regnet_cifar100.py'

model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(0, 1), target=-2),
        dict(type='Mapper', sources=(0, 1), target=-1),
    ],
)
