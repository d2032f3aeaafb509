"""Control: ResNet-32 with ordinary convolutions, CIFAR-10.

Run: python tools/train.py configs/decoupled/baseline_resnet32_cifar10.py
Expect: not trained by us; the paper, of a network that our source does not name:
    85.35 % right on clean images, 18.82 % under FGSM, 8.67 % under BIM.
Cost: 1 x ResNet-32.
"""

_base_ = './baseline_resnet32_cifar100.py'

model = dict(head=dict(num_classes=10))
data_preprocessor = dict(num_classes=10)
cifar10 = dict(dataset=dict(type='CIFAR10', data_root='data/cifar10'))
train_dataloader = cifar10
val_dataloader = cifar10
test_dataloader = cifar10
