"""ADF-ResNeXt-50 32x4d on ImageNet-1k.

Run: bash tools/dist_train.sh configs/adf/adf_resnext50_imagenet.py 8
Expect: not trained by us; we know of no published number.
Cost: 2 x ResNeXt-50 32x4d plus two mappers.
"""

_base_ = './single_resnext50_imagenet.py'

model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(0, 1), target=-2),
        dict(type='Mapper', sources=(0, 1), target=-1),
    ],
    distill_weight=1.0,
    distill_temperature=2.0,
)
