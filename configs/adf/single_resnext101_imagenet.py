"""Control: a single ResNeXt-101 32x4d on ImageNet-1k, with the training recipe of ADF.

Run: bash tools/dist_train.sh configs/adf/single_resnext101_imagenet.py 8
Expect: not trained by us; MMPretrain reports 78.61 % top-1 for this recipe.
Cost: 1 x ResNeXt-101 32x4d.
"""

_base_ = [
    'mmpretrain::_base_/models/resnext101_32x4d.py',
    'mmpretrain::_base_/datasets/imagenet_bs32_pil_resize.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
    '../_base_/runtime.py',
]
