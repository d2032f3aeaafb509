"""A narrow CNN-9 with TanhConv (cosine) on ten classes of CIFAR-100.

Run: python tools/study.py configs/studies/decoupled_cifar100_10.py (see its docstring)
Expect: 87.5 ± 1.1 % test top-1 over 5 seeds as `tanh` (docs/results.md).
Cost: 38 M multiply-adds per image plus the patch norms.
The decay of 0.99 is ours: with the 0.999 of the official code, the moving average of the
patch norms would lag behind the weights in these 2,840 iterations.
"""

_base_ = './baseline_cnn9_cifar100_10.py'

model = dict(
    backbone=dict(
        conv_cfg=dict(
            type='DecoupledConv2d', magnitude='tanh', angle='cosine', decay=0.99
        )
    )
)
# No weight decay for decoupled layers: `.conv` matches their weights and radii.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'.conv': dict(decay_mult=0.0)}))
custom_hooks = [
    dict(type='WeightProjectionHook', interval=100),
    dict(type='OrthogonalityHook', weight=1e-5),
]
