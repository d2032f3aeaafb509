"""CNN-9 with LinearConv (cosine) and without batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/linear_cnn9_cifar100_nobn.py
Expect: not trained by us; the paper reports an error of 31.76 %. There, the linear
    angle gives 33.39 % and the square cosine does not converge (--cfg-options
    model.backbone.conv_cfg.angle=linear or square_cosine).
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar100_nobn.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='linear')))
