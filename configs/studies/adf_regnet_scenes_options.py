"""The best options of ADF in adf_regnet_scenes_search.py, with test images and other seeds.

Run: python tools/study.py configs/studies/adf_regnet_scenes_options.py --cfg-options data.root=DIR
    For DIR see adf_regnet_scenes.py.
Cost: 42 runs of RegNetX-200MF, 30 epochs of 5,940 images; 5 to 32 minutes per run on one
    CPU core. The 24 runs of `single`, `wide_deployed`, `distilled` and `two_distilled` are
    those of adf_regnet_scenes.py.
Each option changes `distilled`: `temperature1` distils at a temperature of 1, `mutual` lets
each head learn from the other one at a temperature of 1 instead of from the mean of both,
and `earlier` fuses stage 0 into stages 1, 2 and 3.
"""

_base_ = './adf_regnet_scenes.py'


def _distilled(**changes):
    distilled = _base_.variants.distilled
    return dict(config=distilled.config, options={**distilled.options, **changes})


_temperature1 = {'model.distill_temperature': 1.0}
_earlier = [dict(type='Mapper', sources=(0,), target=stage) for stage in (1, 2, 3)]

variants = dict(
    inside=None,
    temperature1=_distilled(**_temperature1),
    mutual=_distilled(**_temperature1, **{'model.teacher': 'peer'}),
    earlier=_distilled(**{'model.mapper': _earlier}),
)
control = 'distilled'
