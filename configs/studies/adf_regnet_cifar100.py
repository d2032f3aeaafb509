"""ADF and its controls on CIFAR-100, with thin networks.

Run: python tools/dataset_converters/cifar100.py data/cifar100 data/cifar100_100
        --classes 100
    python tools/study.py configs/studies/adf_regnet_cifar100.py
    MMPretrain downloads the images to data/cifar100 once that folder exists. A tenth of
    the training images is held out for selecting checkpoints; the 10,000 test images
    are evaluated once.
Cost: 12 runs of a thin RegNetX, 30 epochs of 45,000 images; 17 to 50 minutes per run on
    one CPU core, including waiting.
The networks are those of adf_regnet_scenes.py with about two thirds of the channels and
fewer blocks. `wide_deployed` has the cost of deployed ADF.
"""

_single = '../adf/single_regnet_cifar100.py'
_adf = '../adf/adf_regnet_cifar100.py'
_wide = {'model.backbone.arch.wa': 26.0, 'model.backbone.arch.wm': 2.7}
_distilled = {'model.distill_weight': 1.0, 'model.distill_temperature': 2.0}

variants = {
    'single': dict(config=_single),
    'wide_deployed': dict(
        config=_single, options={**_wide, 'model.head.in_channels': 320}
    ),
    'distilled': dict(config=_adf, options=_distilled),
    'two_distilled': dict(config=_adf, options={'model.mapper': None, **_distilled}),
}
control = 'single'
seeds = (1, 2, 3)
data = dict(root='data/cifar100_100', train='train', test='test', val_fraction=0.1)
