"""ADF and its controls on scenes, with networks that have converged.

Run: python tools/study.py configs/studies/adf_regnet_scenes.py --cfg-options data.root=DIR
    DIR contains `train` and `test`, each with one subfolder of images per class. A tenth of
    the training images is held out for selecting checkpoints; `test` is evaluated once.
Cost: 30 runs of RegNetX-200MF, 30 epochs of 5,940 images; 6 to 12 minutes per run on one
    CPU core.
RegNetX-200MF has the profile of ResNeXt-101: its first stages are cheap, so that deployed
ADF costs about 1.25 times as much as the single network, which is the cost of
`wide_deployed`. `distilled` learns from the mean of the logits of both heads, besides the
labels; `two_distilled` is its control without fusion, of which one network is kept.
"""

_single = '../adf/single_regnet_scenes.py'
_adf = '../adf/adf_regnet_scenes.py'
_wide = dict(w0=24, wa=36.44, wm=2.6, group_w=8, depth=14, bot_mul=1.0)
_distilled = {'model.distill_weight': 1.0, 'model.distill_temperature': 2.0}

variants = {
    'single': dict(config=_single),
    'wide_deployed': dict(
        config=_single,
        options={'model.backbone.arch': _wide, 'model.head.in_channels': 424},
    ),
    'inside': dict(config=_adf),
    'distilled': dict(config=_adf, options=_distilled),
    'two_distilled': dict(config=_adf, options={'model.mapper': None, **_distilled}),
}
control = 'single'
seeds = (1, 2, 3, 4, 5, 6)
data = dict(root='data/scenes', train='train', test='test', val_fraction=0.1)
