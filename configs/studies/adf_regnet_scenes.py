"""ADF and its controls on scenes, with networks that have converged.

Run: python tools/study.py configs/studies/adf_regnet_scenes.py --cfg-options data.root=DIR
    DIR contains `train` and `test`, each with one subfolder of images per class. A tenth of
    the training images is held out for selecting checkpoints; `test` is evaluated once.
Cost: 65 runs of RegNetX-200MF, 30 epochs of 5,940 images; 8 to 20 minutes per run on one
    CPU core.
RegNetX-200MF has the profile of ResNeXt-101: its first stages are cheap, so that deployed
ADF costs about 1.25 times as much as the single network. `wide_deployed` has that cost, and
`wide_trained` about that of training. `distilled` variants learn from the mean of the logits
of both heads; `two_distilled` is their control without fusion, of which one network is kept.
"""

_single = '../adf/single_regnet_scenes.py'
_adf = '../adf/adf_regnet_scenes.py'


def _wide(w0, depth, channels):
    arch = dict(w0=w0, wa=36.44, wm=2.6, group_w=8, depth=depth, bot_mul=1.0)
    return {'model.backbone.arch': arch, 'model.head.in_channels': channels}


def _fused(*targets, sources=(0, 1), **changes):
    return {
        'model.mapper': [
            dict(type='Mapper', sources=sources, target=target, **changes)
            for target in targets
        ]
    }


_wide_deployed = _wide(w0=24, depth=14, channels=424)
_wide_trained = _wide(w0=32, depth=15, channels=560)
_mean = {'model.distill_weight': 1.0, 'model.distill_temperature': 2.0}
_peer = {'model.teacher': 'peer', 'model.distill_weight': 1.0}

variants = {
    'single': dict(config=_single),
    'wide_deployed': dict(config=_single, options=_wide_deployed),
    'wide_trained': dict(config=_single, options=_wide_trained),
    'ensemble': dict(
        config=_adf, options={'model.mapper': None, 'model.readout': 'sum'}
    ),
    'inside': dict(config=_adf),
    'end': dict(config=_adf, options=_fused(-1)),
    'once': dict(config=_adf, options=_fused(-2)),
    'stop_gradient': dict(config=_adf, options={'model.stop_gradient': True}),
    'mutual': dict(config=_adf, options=_peer),
    'distilled': dict(config=_adf, options=_mean),
    'once_distilled': dict(config=_adf, options={**_fused(-2), **_mean}),
    'two_distilled': dict(config=_adf, options={'model.mapper': None, **_mean}),
    'wide_distilled': dict(
        config=_adf, options={**_wide_deployed, 'model.mapper': None, **_mean}
    ),
}
control = 'single'
seeds = (0, 1, 2, 3, 4)
data = dict(root='data/scenes', train='train', test='test', val_fraction=0.1)
