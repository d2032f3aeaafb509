"""ImageNet as wy1iu/DCNets reads it: resized to 256x256, cropped to 224, mean subtracted.

The aspect ratio is not preserved, and the standard deviation is not divided out. As in
MMPretrain's configs, the validation set is also the test set.
"""

_base_ = 'mmpretrain::_base_/datasets/imagenet_bs32.py'

data_preprocessor = dict(mean=[121.6, 116.6, 102.7], std=[1.0, 1.0, 1.0])

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(256, 256)),
    dict(type='RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(256, 256)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]

train_dataloader = dict(batch_size=40, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=40, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
