"""ADF-Inception V3 on ImageNet-1k at 299 pixels with MMPretrain's recipe.

MMPretrain's backbone includes pooling and classifier; this one ends at the last feature
map, so that neck and head are written out.

Run: bash tools/dist_train.sh configs/adf/adf_inceptionv3_imagenet.py 8
Expect: not trained by us; we know of no published number.
Cost: 2 x Inception V3 plus two mappers.
"""

_base_ = ['mmpretrain::inception_v3/inception-v3_8xb32_in1k.py', '../_base_/plugin.py']

default_hooks = _base_.plugin_hooks
model = dict(
    type='ADFClassifier',
    mapper=[
        dict(type='Mapper', sources=(1, 2), target=-2),
        dict(type='Mapper', sources=(1, 2), target=-1),
    ],
    distill_weight=1.0,
    distill_temperature=2.0,
    neck=dict(_delete_=True, type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', in_channels=2048, num_classes=1000),
)
