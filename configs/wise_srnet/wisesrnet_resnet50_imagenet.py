"""ResNet-50 with Wise-SrNet (Avg+DW+C) on ImageNet-1k at 224 pixels.

Run: bash tools/dist_train.sh configs/wise_srnet/wisesrnet_resnet50_imagenet.py 8
Expect: not trained by us; the paper does not train on all of ImageNet. The recipe is that
    of the control, gap_resnet50_imagenet.py.
Cost: 1 x ResNet-50 plus 20,480 parameters.
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
