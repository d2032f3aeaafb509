"""Alternative: generalised mean pooling (MMPretrain) on ResNet-50, ImageNet-1k.

Run: bash tools/dist_train.sh configs/wise_srnet/gem_resnet50_imagenet.py 8
Expect: not trained by us; not in the paper.
Cost: 1 x ResNet-50 plus 1 parameter.
"""

_base_ = './gap_resnet50_imagenet.py'

model = dict(neck=dict(_delete_=True, type='GeneralizedMeanPooling'))
