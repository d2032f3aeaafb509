"""CNN-9 with TanhConv (cosine) on CIFAR-10.

Run: python tools/train.py configs/decoupled/tanh_cnn9_cifar10.py
Expect: not trained by us; the paper reports 91.45 % clean accuracy, 52.60 % under FGSM
    and 10.18 % under BIM, for a network that our source does not name.
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar100.py'

model = dict(head=dict(num_classes=10))
data_preprocessor = dict(num_classes=10)
cifar10 = dict(dataset=dict(type='CIFAR10', data_root='data/cifar10'))
train_dataloader = cifar10
val_dataloader = cifar10
test_dataloader = cifar10
