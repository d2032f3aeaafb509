"""Decoupled operators in networks without ReLU, on ten classes of CIFAR-100.

Run: python tools/study.py configs/studies/decoupled_cifar100_10_norelu.py
    For the images see decoupled_cifar100_10.py.
Cost: 9 runs of a narrow CNN-9, 40 epochs of 4,500 images; 6 to 23 minutes per run on one
    CPU core.
In `baseline_norelu`, max pooling is the only nonlinearity besides batch norm; in the
other networks the square cosine is one, too.
"""

_base_ = './decoupled_cifar100_10.py'

options = {'model.backbone.act_cfg': None}
_segmented = {
    'model.backbone.conv_cfg.magnitude': 'segmented',
    'model.backbone.conv_cfg.angle': 'square_cosine',
}
variants = dict(
    _delete_=True,
    baseline_norelu=_base_.variants.baseline,
    linear_sqcos_norelu=_base_.variants.linear_sqcos,
    segmented_sqcos_norelu=dict(
        config='../decoupled/tanh_cnn9_cifar100_10.py', options=_segmented
    ),
)
control = 'baseline_norelu'
seeds = (1, 2, 3)
