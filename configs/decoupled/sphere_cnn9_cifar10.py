"""CNN-9 with SphereConv (cosine) on CIFAR-10.

Run: python tools/train.py configs/decoupled/sphere_cnn9_cifar10.py
Expect: not trained by us; the paper reports 88.58 % clean accuracy, 43.64 % under FGSM
    and 8.89 % under BIM, for a network that our source does not name.
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar10.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='sphere')))
