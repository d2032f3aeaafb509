"""ADF-ResNet-50, fine-tuned on your own images, both branches from ImageNet weights.

Set `num_classes` below and put the images where
configs/_base_/datasets/image_folder.py expects them.

Run: python tools/train.py configs/adf/adf_resnet50_folder.py
Expect: depends on the images; not trained by us. The schedule is MMPretrain's for
    fine-tuning ResNet-50 on CUB; its weights have 76.55 % top-1 on ImageNet.
Cost: 2 x ResNet-50 plus two mappers.
"""

_base_ = [
    'mmpretrain::_base_/models/resnet50.py',
    '../_base_/datasets/image_folder.py',
    'mmpretrain::_base_/schedules/cub_bs64.py',
    '../_base_/runtime.py',
]

num_classes = 2
weights = 'https://mmassets.onedl.ai/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth'
default_hooks = dict(logger=dict(interval=10))
data_preprocessor = dict(num_classes=num_classes)
model = dict(
    type='ADFClassifier',
    mapper=[dict(type='Mapper', sources=(0, 1), target=target) for target in (-2, -1)],
    distill_weight=1.0,
    distill_temperature=2.0,
    head=dict(num_classes=num_classes),
    pretrained_branches=dict(checkpoint=weights),
)
