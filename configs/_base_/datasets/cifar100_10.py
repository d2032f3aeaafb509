"""Ten classes of CIFAR-100 as image folders, preprocessed as in `cifar100_bs128`.

`python tools/dataset_converters/cifar100.py data/cifar100 data/cifar100_10 --classes 10`
writes the folders `train` and `test`. Studies split `val` off `train` themselves.
"""

_base_ = './cifar100_folders.py'

data_preprocessor = dict(num_classes=10)

train_dataloader = dict(batch_size=64, dataset=dict(data_root='data/cifar100_10/train'))
val_dataloader = dict(dataset=dict(data_root='data/cifar100_10/val'))
test_dataloader = dict(dataset=dict(data_root='data/cifar100_10/test'))
