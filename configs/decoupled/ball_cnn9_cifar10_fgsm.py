"""CNN-9 with BallConv (cosine) on CIFAR-10, adversarially trained with FGSM.

Half of each batch is attacked.

Run: python tools/train.py configs/decoupled/ball_cnn9_cifar10_fgsm.py
Expect: not trained by us; the paper reports 87.47 % clean accuracy, 82.20 % under FGSM
    and 17.38 % under BIM. Our source names neither its network nor its attack strength.
Cost: 1 x CNN-9 plus the patch norms, 1.5 times as many passes as standard training.
"""

_base_ = './ball_cnn9_cifar10.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AdversarialTrainingHook', attack='fgsm', eps=8),
]
