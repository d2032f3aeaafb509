"""Preprocessing of Wise-SrNet for images of 512 pixels, see wise_srnet_bs70.py.

The paper uses it with ImageNet weights as well, although these were trained on RGB
images divided by a standard deviation. This config follows the paper.
"""

_base_ = './wise_srnet_bs70.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(512, 512), interpolation='nearest'),
    dict(type='NumpyToPIL', to_rgb=False),
    dict(type='torchvision/Pad', padding=288, padding_mode='edge'),
    dict(
        type='torchvision/RandomAffine',
        degrees=360,
        translate=(51.2 / 1088, 51.2 / 1088),  # of the padded side
        scale=(1 / 1.2, 1 / 0.8),
        interpolation='bilinear',
    ),
    dict(type='torchvision/CenterCrop', size=512),
    *_base_.train_pipeline[6:],
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(512, 512), interpolation='nearest'),
    dict(type='PackInputs'),
]

train_dataloader = dict(batch_size=15, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=15, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=15, dataset=dict(pipeline=test_pipeline))
