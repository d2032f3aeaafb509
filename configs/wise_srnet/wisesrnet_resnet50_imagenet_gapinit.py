"""Wise-SrNet that starts as global average pooling does, at 1 / positions.

Run: bash tools/dist_train.sh configs/wise_srnet/wisesrnet_resnet50_imagenet_gapinit.py 8
Expect: not trained by us. Cost: 1 x ResNet-50.
"""

_base_ = './wisesrnet_resnet50_imagenet.py'

model = dict(head=dict(kernel_init='gap'))
