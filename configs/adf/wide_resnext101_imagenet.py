"""Control: a single ResNeXt-101 32x8d on ImageNet-1k, about the cost of two 32x4d.

Run: bash tools/dist_train.sh configs/adf/wide_resnext101_imagenet.py 8
Expect: not trained by us; MMPretrain reports 79.27 % top-1 for this recipe.
Cost: 1 x ResNeXt-101 32x8d.
"""

_base_ = './single_resnext101_imagenet.py'

model = dict(backbone=dict(width_per_group=8))
