"""Wise-SrNet (Avg+DW+C) on ResNet-50, ImageNet-1k at 224 pixels.

Run: bash tools/dist_train.sh configs/wise_srnet/wisesrnet_resnet50_imagenet.py 8
Expect: not trained by us; the paper has no full ImageNet. The recipe is MMPretrain's,
    that of the control gap_resnet50_imagenet.py.
Cost: 1 x ResNet-50 plus 20,480 weights.
"""

_base_ = './gap_resnet50_imagenet.py'

model = dict(
    neck=None,
    head=dict(
        type='WiseSrNetHead',
        num_classes=1000,
        in_channels=2048,
        map_size=7,
        pool_size=2,
    ),
)
