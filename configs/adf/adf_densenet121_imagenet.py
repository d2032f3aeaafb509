"""ADF-DenseNet-121 on ImageNet-1k with MMPretrain's recipe.

Run: bash tools/dist_train.sh configs/adf/adf_densenet121_imagenet.py 4
Expect: not trained by us; we know of no published number.
Cost: 2 x DenseNet-121 plus two mappers.
"""

_base_ = ['mmpretrain::densenet/densenet121_4xb256_in1k.py', '../_base_/plugin.py']

default_hooks = _base_.plugin_hooks
model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(0, 1), target=-2),
        dict(type='Mapper', sources=(0, 1), target=-1),
    ],
    distill_weight=1.0,
    distill_temperature=2.0,
)
