"""Wise-SrNet with dropout (Avg+DW+C+DP) on ResNet-50, ImageNet-1k.

Run: bash tools/dist_train.sh configs/wise_srnet/wisesrnet_resnet50_imagenet_dropout.py 8
Expect: not trained by us. Cost: 1 x ResNet-50.
"""

_base_ = './wisesrnet_resnet50_imagenet.py'

model = dict(head=dict(dropout=0.5))
