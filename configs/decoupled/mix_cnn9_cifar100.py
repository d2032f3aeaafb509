"""CNN-9 with MixConv (cosine) and batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/mix_cnn9_cifar100.py
Expect: not trained by us; the paper reports an error of 25.27 %, and 33.46 % without
    ReLU (--cfg-options model.backbone.act_cfg=None); with the square cosine 25.77 % and
    24.93 % (model.backbone.conv_cfg.angle=square_cosine).
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './tanh_cnn9_cifar100.py'

model = dict(backbone=dict(conv_cfg=dict(magnitude='mix')))
