"""Decoupled operators and plain convolutions on CIFAR-100, with the CNN-9 of the paper.

Run: python tools/study.py configs/studies/decoupled_cifar100.py
    MMPretrain downloads the images to data/cifar100 once that folder exists. The last 5,000
    training images are for selecting checkpoints; the test images are evaluated once.
Cost: 120 runs of CNN-9 at full width, 42,500 iterations of 128 images each.
Names: the operator, then `_sqcos` for the square cosine or `_lin` for the linear angle
instead of the cosine, `_norelu`, `_nobn`. Networks without batch norm have ReLU.
"""

_norelu = {'model.backbone.act_cfg': None}
_nobn = {'model.backbone.norm_cfg': None}


def _angle(name):
    return {'model.backbone.conv_cfg.angle': name}


def _variants(operators, angles, changes):
    return {
        f'{operator}{angle}{change}': dict(
            config=f'../decoupled/{operator}_cnn9_cifar100.py',
            options={**angles[angle], **changes[change]},
        )
        for change in changes
        for angle in angles
        for operator in operators
    }


_operators = ('sphere', 'ball', 'tanh', 'linear', 'segmented', 'log', 'mix')
_cos = {'': {}}
_sqcos = {'_sqcos': _angle('square_cosine')}
_lin = {'_lin': _angle('linear')}
_bn = {'': {}, '_norelu': _norelu}

variants = {
    **_variants(('baseline',), _cos, {**_bn, '_nobn': _nobn}),
    **_variants(_operators, {**_cos, **_sqcos}, _bn),
    **_variants(
        ('tanh', 'linear', 'segmented'), {**_cos, **_sqcos, **_lin}, {'_nobn': _nobn}
    ),
}
control = 'baseline'
seeds = (0, 1, 2)
