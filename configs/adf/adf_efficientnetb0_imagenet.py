"""ADF-EfficientNet-B0 on ImageNet-1k with MMPretrain's recipe.

Run: bash tools/dist_train.sh configs/adf/adf_efficientnetb0_imagenet.py 8
Expect: not trained by us; we know of no published number.
Cost: 2 x EfficientNet-B0 plus two mappers.
"""

_base_ = [
    'mmpretrain::efficientnet/efficientnet-b0_8xb32_in1k.py',
    '../_base_/plugin.py',
]

default_hooks = _base_.plugin_hooks
model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(2, 3), target=-3),
        dict(type='Mapper', sources=(2, 3), target=-2),
    ],
    distill_weight=1.0,
    distill_temperature=2.0,
)
