"""Control: CNN-9 with ordinary convolutions on CIFAR-10, adversarially trained with PGD.

Half of each batch is attacked.

Run: python tools/train.py configs/decoupled/baseline_cnn9_cifar10_pgd.py
Expect: not trained by us; the paper reports 83.70 % clean accuracy, 78.96 % under FGSM
    and 7.96 % under BIM. Our source names neither its network nor its attack strength.
Cost: 1 x CNN-9, 6 times as many passes as standard training.
"""

_base_ = './baseline_cnn9_cifar10.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AdversarialTrainingHook', attack='pgd', eps=8),
]
