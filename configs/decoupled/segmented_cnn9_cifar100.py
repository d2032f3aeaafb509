"""CNN-9 with SegConv (cosine) and batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/segmented_cnn9_cifar100.py
Expect: not trained by us; the paper reports an error of 24.96 %, and 33.57 % without
    ReLU (--cfg-options model.backbone.act_cfg=None); with the square cosine 25.04 % and
    24.29 % (model.backbone.conv_cfg.angle=square_cosine).
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar100.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='segmented')))
