"""The first ten classes of CIFAR-100 as image folders, preprocessed as in `cifar100_bs128`.

`python tools/dataset_converters/cifar100.py data/cifar100 data/cifar100_10 --classes 10`
writes the folders `train` and `test`. Studies split `val` off `train` themselves.
"""

data_preprocessor = dict(num_classes=10, mean=[127.5] * 3, std=[128.0] * 3, to_rgb=True)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomCrop', crop_size=32, padding=4, padding_mode='symmetric'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    dataset=dict(
        type='CustomDataset',
        data_root='data/cifar100_10/train',
        pipeline=train_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=250,
    num_workers=0,
    dataset=dict(
        type='CustomDataset',
        data_root='data/cifar100_10/val',
        pipeline=test_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))

test_dataloader = dict(
    batch_size=250,
    num_workers=0,
    dataset=dict(
        type='CustomDataset',
        data_root='data/cifar100_10/test',
        pipeline=test_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_evaluator = val_evaluator
