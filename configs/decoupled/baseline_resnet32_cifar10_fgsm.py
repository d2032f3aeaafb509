"""Control: ResNet-32 with ordinary convolutions, half of each batch attacked by FGSM, CIFAR-10.

Run: python tools/train.py configs/decoupled/baseline_resnet32_cifar10_fgsm.py
Expect: not trained by us; the paper, whose attack, strength and network our source
    does not name: 83.70 % on clean images, 78.96 % under FGSM, 7.96 % under BIM.
Cost: 1 x ResNet-32; 1.5 times as many passes as plain training.
"""

_base_ = './baseline_resnet32_cifar10.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='AdversarialTrainingHook', attack='fgsm', eps=8),
]
