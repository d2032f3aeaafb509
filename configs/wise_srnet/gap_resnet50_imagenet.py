"""Control: ResNet-50 with global average pooling on ImageNet-1k.

Run: bash tools/dist_train.sh configs/wise_srnet/gap_resnet50_imagenet.py 8
Expect: not trained by us; MMPretrain reports 76.55 % top-1 for this recipe.
Cost: 1 x ResNet-50.
"""

_base_ = [
    'mmpretrain::_base_/models/resnet50.py',
    'mmpretrain::_base_/datasets/imagenet_bs32.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
    '../_base_/runtime.py',
]
