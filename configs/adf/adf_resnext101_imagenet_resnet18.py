"""ADF-ResNeXt-101 32x4d with a ResNet-18 as its appearance branch, ImageNet-1k.

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet_resnet18.py 8
Expect: not trained by us; we know of no published number.
Cost: ResNeXt-101 32x4d plus ResNet-18 plus two mappers.
"""

_base_ = './adf_resnext101_imagenet.py'

model = dict(appearance=dict(backbone=dict(type='ResNet', depth=18)))
