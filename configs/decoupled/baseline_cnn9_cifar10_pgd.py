"""Control: CNN-9 with ordinary convolutions on CIFAR-10, adversarially trained with PGD.

Half of each batch is attacked.

Run: python tools/train.py configs/decoupled/baseline_cnn9_cifar10_pgd.py
Expect: not trained by us; for the numbers of the paper see
    baseline_cnn9_cifar10_fgsm.py.
Cost: 1 x CNN-9, 6 times as many passes as standard training.
"""

_base_ = './baseline_cnn9_cifar10.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AdversarialTrainingHook', attack='pgd', eps=8),
]
