"""EfficientNet-Lite0 with ImageNet weights, the start of fine-tuning.

Run: python tools/model_converters/efficientnet_lite.py lite0 lite0.pth
    python tools/test.py configs/adf/single_efficientnetlite0_imagenet.py lite0.pth
Expect: 75.1 % top-1, which the authors state; not tested by us.
Cost: 0.385 G multiply-adds per image.
"""

_base_ = [
    '../_base_/models/efficientnet_lite0.py',
    'mmpretrain::_base_/datasets/imagenet_bs32_pil_bicubic.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
    '../_base_/runtime.py',
]

data_preprocessor = dict(mean=[127.5] * 3, std=[127.5] * 3)
