"""CNN-9 with BallConv (cosine) on CIFAR-10.

Run: python tools/train.py configs/decoupled/ball_cnn9_cifar10.py
Expect: not trained by us; the paper reports 91.13 % clean accuracy, 50.47 % under FGSM
    and 7.74 % under BIM, for a network that our source does not name.
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar10.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='ball')))
