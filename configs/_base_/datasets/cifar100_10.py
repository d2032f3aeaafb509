"""Ten classes of CIFAR-100 as image folders, preprocessed as in `cifar100_bs128`.

`python tools/dataset_converters/cifar100.py data/cifar100 data/cifar100_10 --classes 10`
writes the folders `train` and `test`. Studies split `val` off `train` themselves.
"""

_base_ = './cifar100_bs128.py'

data_preprocessor = dict(num_classes=10, to_rgb=True)

train_pipeline = [dict(type='LoadImageFromFile'), *_base_.train_pipeline]
test_pipeline = [dict(type='LoadImageFromFile'), *_base_.test_pipeline]

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/cifar100_10/train',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=250,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/cifar100_10/val',
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=250,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/cifar100_10/test',
        pipeline=test_pipeline,
    ),
)
