"""CNN-9 with BallConv (cosine) on CIFAR-10, adversarially trained with PGD.

Half of each batch is attacked.

Run: python tools/train.py configs/decoupled/ball_cnn9_cifar10_pgd.py
Expect: not trained by us; for the numbers of the paper see
    ball_cnn9_cifar10_fgsm.py.
Cost: 1 x CNN-9 plus the patch norms, 6 times as many passes as standard training.
"""

_base_ = './ball_cnn9_cifar10.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AdversarialTrainingHook', attack='pgd', eps=8),
]
