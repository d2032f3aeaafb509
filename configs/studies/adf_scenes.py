"""ADF and its controls on scenes: does fusion justify its cost?

Run: python tools/study.py configs/studies/adf_scenes.py --cfg-options data.root=DIR
    DIR contains `train` and `test`, each with one subfolder of images per class. A tenth of
    the training images is held out for selecting checkpoints; `test` is evaluated once.
    Our numbers are of a subset of Intel Image Classification, 1,100 training and 260 test
    images per class at 96x96 pixels (github.com/afroozsheikh/Intel-Image-Classifier, commit
    5b571f44, see docs/studies.md), whose test folder is called `val`: data.test=val. The
    whole dataset, as tools/dataset_converters/intel.py writes it, leads to other numbers;
    its `val` is ignored.
Cost: 91 runs of a thin ResNet-18, 5 epochs each, 5,940 training images; about a minute
    per run on a core of a shared CPU.
The `wide` variants are single backbones with about the multiply-adds of ADF, deployed and
in training. `end` fuses after the last stage only, `inside` after each of the last two.
To compare with another variant: --report-only --cfg-options control=wide_deployed.
"""

_single = '../adf/single_thin_scenes.py'
_adf = '../adf/adf_thin_scenes.py'


def _wide(channels):
    return {
        'model.backbone.stem_channels': channels,
        'model.backbone.base_channels': channels,
        'model.head.in_channels': 8 * channels,
    }


def _fused(*targets, sources=((0, 1), (0, 1)), **changes):
    return {
        'model.mapper': [
            dict(type='Mapper', sources=stages, target=target, **changes)
            for stages, target in zip(sources, targets, strict=False)
        ]
    }


_ensemble = {'model.mapper': None, 'model.readout': 'sum'}

variants = {
    'single': dict(config=_single),
    'wide_deployed': dict(config=_single, options=_wide(11)),
    'wide_trained': dict(config=_single, options=_wide(12)),
    'ensemble': dict(config=_adf, options=_ensemble),
    'end': dict(config=_adf, options=_fused(3)),
    'inside': dict(config=_adf),
    'inside_stage0': dict(config=_adf, options=_fused(2, 3, sources=((0,), (0,)))),
    'inside_stage1': dict(config=_adf, options=_fused(2, 3, sources=((1,), (1,)))),
    'inside_lean': dict(config=_adf, options=_fused(2, 3, sources=((0, 1), (1,)))),
    'inside_once': dict(config=_adf, options=_fused(2)),
    'inside_convex': dict(config=_adf, options=_fused(2, 3, fusion='convex')),
    'inside_mutual': dict(
        config=_adf, options={'model.teacher': 'peer', 'model.distill_weight': 1.0}
    ),
    'inside_channel': dict(config=_adf, options=_fused(2, 3, gate='channel')),
}
control = 'single'
seeds = (0, 1, 2, 3, 4, 5, 6)
data = dict(root='data/scenes', train='train', test='test', val_fraction=0.1)
