"""Do the three ideas add up? ADF, Wise-SrNet's head and decoupled convolutions, 2 x 2 x 2.

Run: python tools/study.py configs/studies/together_scenes.py --cfg-options data.root=DIR
    DIR holds `train` and `test`, each with a folder of images for each class. A tenth of
    the training images chooses the checkpoints; `test` is seen once, at the end.
    Our numbers are of a subset of Intel Image Classification, 1,100 training and 260 test
    images a class at 96 x 96 pixels (github.com/afroozsheikh/Intel-Image-Classifier, commit
    5b571f44, see docs/studies.md), whose test part lies in a folder `val`:
    data.test=val. All images, as tools/dataset_converters/intel.py writes them, will give
    other numbers; its `val` is ignored.
Cost: 40 runs of thin ResNet-18, 5 epochs each, 5,940 training images; one to two minutes
    a run on a core of a shared CPU.
`ADF` is fused inside, `wise` a kernel of all positions that starts as GAP does, without
dropout, `dec` segmented magnitude and cosine in all convolutions of the backbones. The
last stage of all eight keeps its stride of 1: Wise-SrNet has a 4 x 4 map, not 2 x 2.
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
