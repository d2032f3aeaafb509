"""Decoupled operators in networks without batch norm, on ten classes of CIFAR-100.

Run: python tools/study.py configs/studies/decoupled_cifar100_10_nobn.py
    For the images see decoupled_cifar100_10.py.
Cost: 9 runs of a narrow CNN-9, 40 epochs of 4,500 images; 6 to 41 minutes per run on one
    CPU core.
All networks have ReLU, and the angle is the cosine.
"""

_base_ = './decoupled_cifar100_10.py'

options = {'model.backbone.norm_cfg': None}
variants = dict(
    _delete_=True,
    baseline_nobn=_base_.variants.baseline,
    linear_nobn=_base_.variants.linear,
    segmented_nobn=_base_.variants.segmented,
)
control = 'baseline_nobn'
seeds = (1, 2, 3)
