"""CNN-9 with LinearConv (cosine) and batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/linear_cnn9_cifar100.py
Expect: not trained by us; the paper reports an error of 24.81 %, and 36.49 % without
    ReLU (--cfg-options model.backbone.act_cfg=None); with the square cosine 25.14 % and
    24.36 % (model.backbone.conv_cfg.angle=square_cosine).
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar100.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='linear')))
