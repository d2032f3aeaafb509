"""ResNet-32 with TanhConv (cosine) on CIFAR-100, as in wy1iu/DCNets.

Run: python tools/train.py configs/decoupled/tanh_resnet32_cifar100.py
Expect: not trained by us; for TanhConv the paper reports an error of 21.17 % with weight
    projection and 23.09 % without, for a network that our source does not name.
Cost: 1 x ResNet-32 with 96 to 384 channels plus the patch norms.
"""

_base_ = './baseline_resnet32_cifar100.py'

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
