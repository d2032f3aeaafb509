"""Options of ADF on scenes, compared on images held out from training.

Run: python tools/study.py configs/studies/adf_regnet_scenes_search.py --cfg-options data.root=DIR
    DIR contains `train`, with one subfolder of images per class. Four tenths of these
    images are held out; no test images are used.
Cost: 22 runs of RegNetX-200MF, 30 epochs of 3,960 images; 5 to 18 minutes per run on one
    CPU core.
`distilled` is the reference, and each variant of it below changes one option.
`wide_trained` is a RegNetX of about the cost of ADF in training. `shared` and
`gated_teacher` are in mmadf/experiments/adf_variants.py.
"""

_base_ = './adf_regnet_scenes.py'

_adf = '../adf/adf_regnet_scenes.py'
_wide = dict(w0=24, wa=36.44, wm=2.6, group_w=8, depth=14, bot_mul=1.0)
_wider = dict(w0=32, wa=44.0, wm=2.5, group_w=8, depth=16, bot_mul=1.0)
_narrow = dict(w0=16, wa=20.0, wm=2.49, group_w=8, depth=13, bot_mul=1.0)


def _distilled(options):
    changed = {'model.distill_weight': 1.0, 'model.distill_temperature': 2.0}
    return dict(config=_adf, options={**changed, **options})


def _mappers(targets, sources=(0, 1), **options):
    return [dict(type='Mapper', sources=sources, target=t, **options) for t in targets]


def _loss_weight(name, **schedule):
    return {'custom_hooks': [dict(type='LossWeightHook', name=name, **schedule)]}


variants = dict(
    wide_trained=dict(
        config='../adf/single_regnet_scenes.py',
        options={'model.backbone.arch': _wider, 'model.head.in_channels': 496},
    ),
    ensemble=dict(config=_adf, options={'model.mapper': None, 'model.readout': 'sum'}),
    two_wide_distilled=_distilled(
        {
            'model.mapper': None,
            'model.backbone.arch': _wide,
            'model.head.in_channels': 424,
        }
    ),
    end=_distilled({'model.mapper': _mappers([-1])}),
    target2=_distilled({'model.mapper': _mappers([-2])}),
    earlier=_distilled({'model.mapper': _mappers([1, 2, 3], sources=(0,))}),
    addition=_distilled(
        {'model.mapper': _mappers([-2, -1], gate='layer', gate_bias=9.0)}
    ),
    shared=dict(config='../adf/adf_regnet_scenes_shared.py'),
    narrow=_distilled(
        {'model.appearance': dict(backbone=dict(type='RegNet', arch=_narrow))}
    ),
    stop_gradient=_distilled({'model.stop_gradient': True}),
    mutual=_distilled({'model.teacher': 'peer', 'model.distill_temperature': 1.0}),
    gated_teacher=dict(config='../adf/adf_regnet_scenes_gated_teacher.py'),
    weight3=_distilled({'model.distill_weight': 3.0}),
    temperature1=_distilled({'model.distill_temperature': 1.0}),
    temperature4=_distilled({'model.distill_temperature': 4.0}),
    ramped=_distilled(_loss_weight('distill_weight', start=0.0, end=1.0, finish=0.3)),
    annealed=_distilled(
        _loss_weight('appearance_weight', start=1.0, end=0.0, begin=0.5)
    ),
)
control = 'distilled'
seeds = (0,)
data = dict(test=None, val_fraction=0.4)
options = {'train_cfg.val_interval': 3}
