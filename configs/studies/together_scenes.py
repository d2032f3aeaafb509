"""The three methods combined, 2x2x2: ADF, the Wise-SrNet head, decoupled convolutions.

Run: python tools/study.py configs/studies/together_scenes.py --cfg-options data.root=DIR
    DIR contains `train` and `test`, each with one subfolder of images per class. A tenth of
    the training images is held out for selecting checkpoints; `test` is evaluated once.
    Our numbers are of a subset of Intel Image Classification, 1,100 training and 260 test
    images per class at 96x96 pixels (github.com/afroozsheikh/Intel-Image-Classifier, commit
    5b571f44, see docs/studies.md), whose test folder is called `val`: data.test=val. The
    whole dataset, as tools/dataset_converters/intel.py writes it, leads to other numbers;
    its `val` is ignored.
Cost: 40 runs of a thin ResNet-18, 5 epochs each, 5,940 training images; one to two
    minutes per run on a core of a shared CPU.
`ADF` fuses inside the backbones; `wise` has a kernel over all positions, initialised to
global average pooling, without dropout; `dec` has segmented magnitude and cosine angle in
all convolutions of the backbones. In all eight variants the last stage has a stride of 1,
so that the feature map of Wise-SrNet is 4x4 instead of 2x2.
"""

_single = '../adf/single_thin_scenes.py'
_adf = '../adf/adf_thin_scenes.py'
_wise = {
    'model.neck': None,
    'model.head': dict(
        _delete_=True,
        type='WiseSrNetHead',
        num_classes=6,
        in_channels=64,
        map_size=4,
        pool_size=None,
        kernel_init='gap',
    ),
}
_decoupled = {
    'model.backbone.conv_cfg': dict(
        type='DecoupledConv2d', magnitude='segmented', angle='cosine'
    ),
    'optim_wrapper.paramwise_cfg': dict(custom_keys={'radius': dict(decay_mult=0.0)}),
}

variants = {
    'single': dict(config=_single),
    'wise': dict(config=_single, options=_wise),
    'dec': dict(config=_single, options=_decoupled),
    'wise+dec': dict(config=_single, options={**_wise, **_decoupled}),
    'ADF': dict(config=_adf),
    'ADF+wise': dict(config=_adf, options=_wise),
    'ADF+dec': dict(config=_adf, options=_decoupled),
    'ADF+wise+dec': dict(config=_adf, options={**_wise, **_decoupled}),
}
options = {'model.backbone.strides': (1, 2, 2, 1)}
control = 'single'
seeds = (0, 1, 2, 3, 4)
data = dict(root='data/scenes', train='train', test='test', val_fraction=0.1)
