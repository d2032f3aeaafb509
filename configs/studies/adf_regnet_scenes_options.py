"""The best options of ADF in adf_regnet_scenes_search.py, with new seeds and test images.

Run: python tools/study.py configs/studies/adf_regnet_scenes_options.py --cfg-options data.root=DIR
    For DIR see adf_regnet_scenes.py.
Cost: 30 runs of RegNetX-200MF, 30 epochs of 5,940 images; 6 to 12 minutes per run on one
    CPU core.
Each option changes `distilled`: `earlier` fuses stage 0 into stages 1, 2 and 3, `addition` has
no gate, and with `annealed` the weight of the appearance loss falls to 0 in the second half
of training.
"""

_base_ = './adf_regnet_scenes.py'

_adf = '../adf/adf_regnet_scenes.py'


def _distilled(options):
    changed = {'model.distill_weight': 1.0, 'model.distill_temperature': 2.0}
    return dict(config=_adf, options={**changed, **options})


def _mappers(targets, sources, **options):
    return [dict(type='Mapper', sources=sources, target=t, **options) for t in targets]


_annealed = dict(name='appearance_weight', start=1.0, end=0.0, begin=0.5)

variants = dict(
    wide_deployed=None,
    inside=None,
    two_distilled=None,
    earlier=_distilled({'model.mapper': _mappers([1, 2, 3], sources=(0,))}),
    addition=_distilled(
        {
            'model.mapper': _mappers(
                [-2, -1], sources=(0, 1), gate='layer', gate_bias=9.0
            )
        }
    ),
    annealed=_distilled({'custom_hooks': [dict(type='LossWeightHook', **_annealed)]}),
)
control = 'distilled'
