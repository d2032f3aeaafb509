"""CNN-9 with TanhConv (cosine) on CIFAR-10, adversarially trained with PGD.

Half of each batch is attacked.

Run: python tools/train.py configs/decoupled/tanh_cnn9_cifar10_pgd.py
Expect: not trained by us; for the numbers of the paper see
    tanh_cnn9_cifar10_fgsm.py.
Cost: 1 x CNN-9 plus the patch norms, 6 times as many passes as standard training.
"""

_base_ = './tanh_cnn9_cifar10.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AdversarialTrainingHook', attack='pgd', eps=8),
]
