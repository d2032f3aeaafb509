"""Ablation: pre-average and depthwise kernel without the constraint.

Run: bash tools/dist_train.sh configs/wise_srnet/wisesrnet_resnet50_imagenet_free.py 8
Expect: not trained by us. Cost: 1 x ResNet-50.
"""

_base_ = './wisesrnet_resnet50_imagenet.py'

model = dict(head=dict(constraint=None))
