"""CNN-9 of BallConv and cosine, half of each batch attacked by PGD, CIFAR-10.

Run: python tools/train.py configs/decoupled/ball_cnn9_cifar10_pgd.py
Expect: not trained by us; the paper, whose attack, strength and network our source
    does not name: 87.47 % on clean images, 82.20 % under FGSM, 17.38 % under BIM.
Cost: 1 x CNN-9 and its patch norms; 6 times as many passes as plain training.
"""

_base_ = './ball_cnn9_cifar10.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AdversarialTrainingHook', attack='pgd', eps=8),
]
