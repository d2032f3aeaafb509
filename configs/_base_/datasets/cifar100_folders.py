"""CIFAR-100 as image folders, preprocessed as in `cifar100_bs128`.

`python tools/dataset_converters/cifar100.py data/cifar100 data/cifar100_100 --classes 100`
writes the folders `train` and `test`. Studies split `val` off `train` themselves.
"""

_base_ = './cifar100_bs128.py'

data_preprocessor = dict(to_rgb=True)

train_pipeline = [dict(type='LoadImageFromFile'), *_base_.train_pipeline]
test_pipeline = [dict(type='LoadImageFromFile'), *_base_.test_pipeline]

train_dataloader = dict(
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/cifar100_100/train',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=250,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/cifar100_100/val',
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=250,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/cifar100_100/test',
        pipeline=test_pipeline,
    ),
)
