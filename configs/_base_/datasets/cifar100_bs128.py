"""CIFAR-100 with the preprocessing of Decoupled Networks and a validation set.

Images are normalised as (x - 127.5) / 128, padded by 4 mirrored pixels, cropped to 32
and flipped. The paper trains on all 50,000 images and monitors the test set during
training. Here, the last 5,000 training images form the validation set, and only
tools/test.py reads the test set. To train on all images:
--no-validate --cfg-options train_dataloader.dataset.indices=50000

MMPretrain downloads the images into data/cifar100 if that folder exists.
"""

data_preprocessor = dict(
    num_classes=100, mean=[127.5] * 3, std=[128.0] * 3, to_rgb=False
)

train_pipeline = [
    dict(type='RandomCrop', crop_size=32, padding=4, padding_mode='symmetric'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='CIFAR100',
        data_root='data/cifar100',
        split='train',
        indices=45000,
        pipeline=train_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=500,
    num_workers=2,
    dataset=dict(
        type='CIFAR100',
        data_root='data/cifar100',
        split='train',
        indices=-5000,
        pipeline=test_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))

test_dataloader = dict(
    batch_size=500,
    num_workers=2,
    dataset=dict(
        type='CIFAR100',
        data_root='data/cifar100',
        split='test',
        pipeline=test_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_evaluator = val_evaluator
