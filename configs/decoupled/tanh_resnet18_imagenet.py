"""Modified ResNet-18 with TanhConv (cosine) on ImageNet-1k, as in wy1iu/DCNets.

Run: python tools/train.py configs/decoupled/tanh_resnet18_imagenet.py
Expect: not trained by us; the log in wy1iu/DCNets ends at 68.64 % top-1.
Cost: 1 x ResNet-18 with 128 to 1024 channels plus the patch norms.
"""

_base_ = './baseline_resnet18_imagenet.py'

model = dict(
    backbone=dict(
        conv_cfg=dict(type='DecoupledConv2d', magnitude='tanh', angle='cosine')
    )
)
# No weight decay for decoupled layers (`.conv.`) and PReLU slopes (`.activate.`).
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'.conv.': dict(decay_mult=0.0), '.activate.': dict(decay_mult=0.0)}
    )
)
custom_hooks = [
    dict(type='WeightProjectionHook', interval=100),
    dict(type='OrthogonalityHook', weight=1e-5),
]
