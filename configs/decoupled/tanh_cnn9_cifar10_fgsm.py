"""CNN-9 of TanhConv and cosine, half of each batch attacked by FGSM, CIFAR-10.

Run: python tools/train.py configs/decoupled/tanh_cnn9_cifar10_fgsm.py
Expect: not trained by us; the paper, whose attack, strength and network our source
    does not name: 87.54 % on clean images, 81.46 % under FGSM, 19.86 % under BIM.
Cost: 1 x CNN-9 and its patch norms; 1.5 times as many passes as plain training.
"""

_base_ = './tanh_cnn9_cifar10.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AdversarialTrainingHook', attack='fgsm', eps=8),
]
