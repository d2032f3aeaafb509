"""ADF and its controls from ImageNet weights: fine-tuning with 20 images per class.

Run: python tools/model_converters/efficientnet_lite.py lite0 data/lite0.pth
    python tools/model_converters/efficientnet_lite.py lite1 data/lite1.pth
    python tools/study.py configs/studies/adf_pretrained_scenes.py --cfg-options data.root=DIR
    DIR contains `train` and `test`, each with one subfolder of images per class.
Cost: 36 runs of EfficientNet-Lite0, 20 epochs of 120 images; 1 to 2 minutes per run on
    one CPU core.
A twentieth of the training images is held out. The schedule is fixed, and validated after
80 % of the epochs and at the end. `wide` is EfficientNet-Lite1, whose cost is above that
of deployed ADF. `distilled` learns from the mean of the logits of both heads, besides the
labels; `two_distilled` is its control without fusion, of which one network is kept.
"""

_single = '../adf/single_efficientnetlite0_scenes.py'
_adf = '../adf/adf_efficientnetlite0_scenes.py'
_wide = {
    'model.backbone.model_name': 'tf_efficientnet_lite1',
    'model.backbone.init_cfg.checkpoint': 'data/lite1.pth',
}
_distilled = {'model.distill_weight': 1.0, 'model.distill_temperature': 2.0}

variants = {
    'single': dict(config=_single),
    'wide': dict(config=_single, options=_wide),
    'ensemble': dict(
        config=_adf, options={'model.mapper': None, 'model.readout': 'sum'}
    ),
    'inside': dict(config=_adf),
    'distilled': dict(config=_adf, options=_distilled),
    'two_distilled': dict(config=_adf, options={'model.mapper': None, **_distilled}),
}
control = 'single'
seeds = (1, 2, 3, 4, 5, 6)
data = dict(
    root='data/scenes', train='train', test='test', val_fraction=0.05, per_class=20
)
