"""Control: CNN-9 with ordinary convolutions on CIFAR-10.

Run: python tools/train.py configs/decoupled/baseline_cnn9_cifar10.py
Expect: not trained by us; the paper reports 85.35 % clean accuracy, 18.82 % under FGSM
    and 8.67 % under BIM, for a network that our source does not name.
Cost: 1 x CNN-9.
"""

_base_ = './baseline_cnn9_cifar100.py'

model = dict(head=dict(num_classes=10))
data_preprocessor = dict(num_classes=10)
cifar10 = dict(dataset=dict(type='CIFAR10', data_root='data/cifar10'))
train_dataloader = cifar10
val_dataloader = cifar10
test_dataloader = cifar10
