"""CNN-9 of SphereConv and cosine, CIFAR-10.

Run: python tools/train.py configs/decoupled/sphere_cnn9_cifar10.py
Expect: not trained by us; the paper, of a network that our source does not name:
    88.58 % right on clean images, 43.64 % under FGSM, 8.89 % under BIM.
Cost: 1 x CNN-9 and its patch norms.
"""

_base_ = './tanh_cnn9_cifar10.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='sphere')))
