"""CNN-9 with TanhConv (cosine) and without batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/tanh_cnn9_cifar100_nobn.py
Expect: not trained by us; the paper reports an error of 31.88 %. There, the linear
    angle gives 32.88 % and the square cosine gives 34.26 % (--cfg-options
    model.backbone.conv_cfg.angle=linear or square_cosine).
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar100.py'

model = dict(backbone=dict(norm_cfg=None))
