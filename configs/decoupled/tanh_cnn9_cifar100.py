"""CNN-9 of TanhConv and cosine with batch norm, CIFAR-100.

Run: python tools/train.py configs/decoupled/tanh_cnn9_cifar100.py
Expect: not trained by us; the paper's error is 25.15, without ReLU 32.27.
Cost: 1 x CNN-9 and its patch norms.
"""

_base_ = './baseline_cnn9_cifar100.py'

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
