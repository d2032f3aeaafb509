"""CNN-9 with TanhConv (cosine) and batch norm on CIFAR-100.

Run: python tools/train.py configs/decoupled/tanh_cnn9_cifar100.py
Expect: not trained by us; the paper reports an error of 25.15 %, and 32.27 % without
    ReLU (--cfg-options model.backbone.act_cfg=None); with the square cosine 26.94 % and
    25.27 % (model.backbone.conv_cfg.angle=square_cosine).
Cost: 1 x CNN-9 plus the patch norms.
"""

_base_ = './baseline_cnn9_cifar100.py'

model = dict(
    backbone=dict(
        conv_cfg=dict(type='DecoupledConv2d', magnitude='tanh', angle='cosine')
    )
)
# No weight decay for decoupled layers: `.conv` matches their weights and radii.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'.conv': dict(decay_mult=0.0)}))
custom_hooks = [
    dict(type='WeightProjectionHook', interval=100),
    dict(type='OrthogonalityHook', weight=1e-5),
]
