"""Decoupled operators and plain convolutions on ten classes of CIFAR-100.

Run: python tools/dataset_converters/cifar100.py data/cifar100 data/cifar100_10
    python tools/study.py configs/studies/decoupled_cifar100_10.py
    MMPretrain downloads the images to data/cifar100 once that folder exists. A tenth of
    the 5,000 training images is held out for selecting checkpoints; the 1,000 test
    images are evaluated once.
Cost: 42 runs of a narrow CNN-9, 40 epochs of 4,500 images; 8 to 15 minutes per run on one
    CPU core. Width, epochs and label smoothing were chosen for `baseline` on the held-out
    images, with seed 0.
Names: the operator, then `_sqcos` for the square cosine instead of the cosine, `_norelu`
for networks without ReLU, `_nobn` for networks without batch norm. `linear_sqcos` is the
operator of B-cos networks with B = 2. Decoupled layers have no weight decay, as in the
official code; in `baseline_nodecay` the plain convolutions have none either.
"""

_baseline = '../decoupled/baseline_cnn9_cifar100_10.py'
_decoupled = '../decoupled/tanh_cnn9_cifar100_10.py'
_sqcos = {'model.backbone.conv_cfg.angle': 'square_cosine'}
_norelu = {'model.backbone.act_cfg': None}
_nobn = {'model.backbone.norm_cfg': None}
_nodecay = {
    'optim_wrapper.paramwise_cfg': dict(custom_keys={'.conv': dict(decay_mult=0.0)})
}
_operators = ('sphere', 'ball', 'tanh', 'linear', 'segmented')


def _operator(name, **changes):
    options = {'model.backbone.conv_cfg.magnitude': name}
    return dict(config=_decoupled, options={**options, **changes})


variants = {
    'baseline': dict(config=_baseline),
    'baseline_nodecay': dict(config=_baseline, options=_nodecay),
    **{name: _operator(name) for name in _operators},
    'linear_sqcos': _operator('linear', **_sqcos),
    'baseline_norelu': dict(config=_baseline, options=_norelu),
    'linear_sqcos_norelu': _operator('linear', **_sqcos, **_norelu),
    'segmented_sqcos_norelu': _operator('segmented', **_sqcos, **_norelu),
    'baseline_nobn': dict(config=_baseline, options=_nobn),
    'linear_nobn': _operator('linear', **_nobn),
    'segmented_nobn': _operator('segmented', **_nobn),
}
control = 'baseline'
seeds = (1, 2, 3)
data = dict(root='data/cifar100_10', train='train', test='test', val_fraction=0.1)
