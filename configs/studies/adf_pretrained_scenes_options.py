"""Options of distilled ADF from ImageNet weights, with 20 images per class.

Run: python tools/study.py configs/studies/adf_pretrained_scenes_options.py --cfg-options data.root=DIR
    For DIR and the weights see adf_pretrained_scenes.py.
Cost: 24 runs of ADF-EfficientNet-Lite0, 20 epochs of 120 images; 1 to 2 minutes per run on
    one CPU core.
`noise` adds noise to the weights that the appearance branch starts from, so that the branches
differ. `frozen` keeps the shallow stages of the appearance branch, which the mappers read, as
they were pretrained; its norms still adapt their statistics. `low_rate` trains the shallow
stages of both branches at a tenth of the learning rate.
"""

_base_ = './adf_pretrained_scenes.py'

_shallow = ('conv_stem', 'bn1', 'blocks.0.', 'blocks.1.')


def _rates(backbone, factor):
    keys = {f'{backbone}.timm_model.{name}': dict(lr_mult=factor) for name in _shallow}
    return {'optim_wrapper.paramwise_cfg': dict(custom_keys=keys)}


def _distilled(**changes):
    distilled = _base_.variants.distilled
    return dict(config=distilled.config, options={**distilled.options, **changes})


variants = dict(
    single=None,
    wide=None,
    ensemble=None,
    inside=None,
    two_distilled=None,
    noise=_distilled(**{'model.pretrained_branches.appearance_noise': 0.1}),
    frozen=_distilled(**_rates('appearance_backbone', 0.0)),
    low_rate=_distilled(**_rates('backbone', 0.1)),
)
control = 'distilled'
