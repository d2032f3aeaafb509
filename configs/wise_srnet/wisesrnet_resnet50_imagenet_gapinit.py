"""Control: Wise-SrNet initialised as average pooling, ResNet-50 on ImageNet-1k.

The kernel starts at 1 / positions; the published initialisation scales features down.

Run: bash tools/dist_train.sh configs/wise_srnet/wisesrnet_resnet50_imagenet_gapinit.py 8
Expect: not trained by us; not in the paper.
Cost: 1 x ResNet-50 plus 20,480 parameters.
"""

_base_ = './wisesrnet_resnet50_imagenet.py'

model = dict(head=dict(kernel_init='gap'))
