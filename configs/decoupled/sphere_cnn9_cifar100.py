"""CNN-9 with SphereConv (cosine) and batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/sphere_cnn9_cifar100.py
Expect: not trained by us; the paper reports an error of 26.00 %, and 33.31 % without
    ReLU (--cfg-options model.backbone.act_cfg=None); with the square cosine 26.97 % and
    25.90 % (model.backbone.conv_cfg.angle=square_cosine).
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar100.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='sphere')))
