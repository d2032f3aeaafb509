"""ResNet-32 of TanhConv and cosine, CIFAR-100, as wy1iu/DCNets trains it.

Run: python tools/train.py configs/decoupled/tanh_resnet32_cifar100.py
Expect: not trained by us; the paper's error for TanhConv is 21.17 with weight
    projection, 23.09 without, of a network that our source does not name.
Cost: 1 x ResNet-32 of 96 to 384 channels and its patch norms.
"""

_base_ = './baseline_resnet32_cifar100.py'

model = dict(
    backbone=dict(
        conv_cfg=dict(type='DecoupledConv2d', magnitude='tanh', angle='cosine')
    )
)
# Decoupled layers do not decay; what is below `.conv` is one, or its radius.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'.conv': dict(decay_mult=0.0)}))
custom_hooks = [
    dict(type='WeightProjectionHook', interval=100),
    dict(type='OrthogonalityHook', weight=1e-5),
]
