"""Decoupled operators in networks without batch norm, on ten classes of CIFAR-100.

Run: python tools/study.py configs/studies/decoupled_cifar100_10_nobn.py
    For the images see decoupled_cifar100_10.py.
Cost: 9 runs of a narrow CNN-9, 40 epochs of 4,500 images; 5 to 10 minutes per run on one
    CPU core.
All networks have ReLU, and the angle is the cosine.
"""

_base_ = './decoupled_cifar100_10.py'

_nobn = {'model.backbone.norm_cfg': None}


def _operator(magnitude, **others):
    layer = dict(magnitude=magnitude, angle='cosine', **others)
    layer = dict(_delete_=True, type='DecoupledConv2d', **layer)
    return dict(
        config='../decoupled/tanh_cnn9_cifar100_10.py',
        options={'model.backbone.conv_cfg': layer, **_nobn},
    )


variants = dict(
    _delete_=True,
    baseline_nobn=dict(
        config='../decoupled/baseline_cnn9_cifar100_10.py', options=_nobn
    ),
    linear_nobn=_operator('linear'),
    segmented_nobn=_operator('segmented', decay=0.99),
)
control = 'baseline_nobn'
seeds = (1, 2, 3)
