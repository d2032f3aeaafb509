"""ResNet-32 of BallConv and cosine, CIFAR-10.

Run: python tools/train.py configs/decoupled/ball_resnet32_cifar10.py
Expect: not trained by us; the paper, of a network that our source does not name:
    91.13 % right on clean images, 50.47 % under FGSM, 7.74 % under BIM.
Cost: 1 x ResNet-32 and its patch norms.
"""

_base_ = './tanh_resnet32_cifar10.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='ball')))
