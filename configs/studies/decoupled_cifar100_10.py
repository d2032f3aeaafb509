"""Decoupled operators and plain convolutions on ten classes of CIFAR-100.

Run: python tools/dataset_converters/cifar100.py data/cifar100 data/cifar100_10
    python tools/study.py configs/studies/decoupled_cifar100_10.py
    MMPretrain downloads the images to data/cifar100 once that folder exists. A tenth of
    the 5,000 training images is held out for selecting checkpoints; the 1,000 test
    images are evaluated once.
Cost: 40 runs of a narrow CNN-9, 40 epochs of 4,500 images; 6 to 32 minutes per run on
    one CPU core, including waiting. Width, epochs and label smoothing were chosen for
    `baseline` on the held-out images, with seed 0.
All networks have batch norm and ReLU, and the angle is the cosine, in `linear_sqcos` the
square cosine: this is the operator of B-cos networks with B = 2. As in the official code,
decoupled layers have no weight decay, weight projection and an orthogonality loss. Ours:
the schedule, the label smoothing and the `decay` of 0.99. Plain convolutions have neither of
the two; in `baseline_nodecay` they have no weight decay either. `linear` is a plain convolution with normalised kernels, and
so the control that is trained as the other operators are.
"""

_baseline = '../decoupled/baseline_cnn9_cifar100_10.py'
_decoupled = '../decoupled/tanh_cnn9_cifar100_10.py'


def _operator(magnitude, angle='cosine', **others):
    layer = dict(type='DecoupledConv2d', magnitude=magnitude, angle=angle, **others)
    options = {'model.backbone.conv_cfg': dict(_delete_=True, **layer)}
    return dict(config=_decoupled, options=options)


variants = {
    'baseline': dict(config=_baseline),
    'baseline_nodecay': dict(
        config=_baseline,
        options={
            'optim_wrapper.paramwise_cfg': dict(
                custom_keys={'.conv': dict(decay_mult=0.0)}
            )
        },
    ),
    'sphere': _operator('sphere'),
    'ball': _operator('ball', decay=0.99),
    'tanh': _operator('tanh', decay=0.99),
    'linear': _operator('linear'),
    'segmented': _operator('segmented', decay=0.99),
    'linear_sqcos': _operator('linear', 'square_cosine'),
}
control = 'baseline'
seeds = (1, 2, 3, 4, 5)
data = dict(root='data/cifar100_10', train='train', test='test', val_fraction=0.1)
