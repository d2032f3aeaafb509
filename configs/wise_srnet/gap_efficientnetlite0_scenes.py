"""Control: EfficientNet-Lite0 with ImageNet weights and global average pooling.

Run: python tools/study.py configs/studies/wise_srnet_pretrained_scenes.py (see its
    docstring)
Expect: 77.9 ± 2.1 % test top-1 as `GAP`, with 20 images per class (docs/results.md).
Cost: 282 M multiply-adds per image of 192 pixels, where the feature map has 6x6 positions.
"""

_base_ = '../adf/single_efficientnetlite0_scenes.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=192, crop_ratio_range=(0.4, 1.0)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=192),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
