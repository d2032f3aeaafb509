"""Decoupled operators and plain convolutions, small: 20 classes, thin CNN-9.

Run: python tools/study.py configs/studies/decoupled_cifar100_small.py
         --cfg-options data.root=DIR
    `python tools/dataset_converters/cifar100.py data/cifar100 DIR` writes DIR. A tenth of
    the training images is held out for selecting checkpoints; `test` is evaluated once.
Cost: 57 runs of CNN-9 with 16 to 32 channels, 500 iterations of 32 images each; half a
    minute per run on one CPU core.
The moving averages of batch norms and of mean patch norms are shortened to match the runs.
"""

_base_ = './decoupled_cifar100.py'

_operators = ('baseline', 'sphere', 'ball', 'tanh', 'linear', 'segmented')
_without_norm = ('baseline', 'tanh', 'linear', 'segmented')
_names = [
    *_operators,
    *(f'{name}_norelu' for name in _operators),
    *(f'{name}_nobn' for name in _without_norm),
    *(f'{name}_sqcos_norelu' for name in _without_norm[1:]),
]
_short_average = {'model.backbone.conv_cfg.decay': 0.9}


def _variant(name, config, options):
    short = {} if name.startswith('baseline') else _short_average
    return dict(config=config, options={**options, **short})


_all = _base_.variants
variants = dict(
    _delete_=True, **{name: _variant(name, **_all[name]) for name in _names}
)

_augment = [
    dict(type='RandomCrop', crop_size=32, padding=4, padding_mode='symmetric'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
]


def _loader(batch_size, *augment):
    pipeline = [dict(type='LoadImageFromFile'), *augment, dict(type='PackInputs')]
    return dict(
        batch_size=batch_size,
        num_workers=0,
        persistent_workers=False,
        dataset=dict(_delete_=True, type='CustomDataset', pipeline=pipeline),
    )


options = {
    'model.backbone.channels': (16, 24, 32),
    'model.backbone.fc_channels': 32,
    'model.backbone.norm_cfg.momentum': 0.1,
    'model.head': dict(num_classes=20, in_channels=32),
    'data_preprocessor.num_classes': 20,
    'train_dataloader': _loader(32, *_augment),
    'val_dataloader': _loader(250),
    'test_dataloader': _loader(250),
    'train_cfg': dict(max_iters=500, val_interval=50),
    'param_scheduler.milestones': [300, 425],
    'default_hooks.checkpoint.interval': 250,
}
data = dict(root='data/cifar20', val_fraction=0.1)
