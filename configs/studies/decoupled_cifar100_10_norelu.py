"""Decoupled operators in networks without ReLU, on ten classes of CIFAR-100.

Run: python tools/study.py configs/studies/decoupled_cifar100_10_norelu.py
    For the images see decoupled_cifar100_10.py.
Cost: 9 runs of a narrow CNN-9, 40 epochs of 4,500 images; 5 to 10 minutes per run on one
    CPU core.
In `baseline_norelu`, max pooling is the only nonlinearity besides batch norm; in the
other networks the square cosine is one, too.
"""

_base_ = './decoupled_cifar100_10.py'

_norelu = {'model.backbone.act_cfg': None}


def _operator(magnitude, **others):
    layer = dict(magnitude=magnitude, angle='square_cosine', **others)
    layer = dict(_delete_=True, type='DecoupledConv2d', **layer)
    return dict(
        config='../decoupled/tanh_cnn9_cifar100_10.py',
        options={'model.backbone.conv_cfg': layer, **_norelu},
    )


variants = dict(
    _delete_=True,
    baseline_norelu=dict(
        config='../decoupled/baseline_cnn9_cifar100_10.py', options=_norelu
    ),
    linear_sqcos_norelu=_operator('linear'),
    segmented_sqcos_norelu=_operator('segmented', decay=0.99),
)
control = 'baseline_norelu'
seeds = (1, 2, 3)
