"""ADF-ResNeXt-101 32x4d on ImageNet-1k, fused into the last two stages.

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet_inside.py 8
Expect: not trained by us; the abstract does not name the stages.
Cost: 2 x ResNeXt-101 32x4d plus two mappers.
"""

_base_ = './single_resnext101_imagenet.py'

model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(0, 1), target=2),
        dict(type='Mapper', sources=(0, 1), target=3),
    ],
    distill_weight=1.0,
    distill_temperature=2.0,
)
