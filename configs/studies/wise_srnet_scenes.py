"""Pooling heads on scenes: GAP, GeM, attention and the variants of Wise-SrNet.

Run: python tools/study.py configs/studies/wise_srnet_scenes.py --jobs 2
         --cfg-options data.root=DIR
    DIR contains `train` and `test`, each with one subfolder of images per class. A tenth of
    the training images is held out for selecting checkpoints; `test` is evaluated once.
    Our numbers are of a subset of Intel Image Classification, 1,100 training and 260 test
    images per class at 96x96 pixels (github.com/afroozsheikh/Intel-Image-Classifier, commit
    5b571f44, see docs/studies.md), whose test folder is called `val`: data.test=val. The
    whole dataset, as tools/dataset_converters/intel.py writes it, leads to other numbers;
    its `val` is ignored.
    Requires timm.
Cost: 40 runs of a small ResNet, 30 epochs of 5,940 images; 4 to 8 minutes per run on one
    CPU core.
C stands for the constraint, Avg for average pooling before the kernel. Wise-SrNet is
initialised as published, or to global average pooling where the name contains `gapinit`.
`attention` is CLIP's attention pooling with 4 heads. No variant has dropout.
"""

_gap = '../wise_srnet/gap_tiny_scenes.py'
_wise = '../wise_srnet/wisesrnet_tiny_scenes.py'
_attention = dict(
    _delete_=True,
    type='TimmPooling',
    pooling='AttentionPool2d',
    arguments=dict(in_features=64, feat_size=6, head_dim=16),
)

_simpool = dict(
    _delete_=True, type='TimmPooling', pooling='SimPool2d', arguments=dict(dim=64)
)

variants = {
    'GAP': dict(config=_gap),
    'GeM': dict(config=_gap, options={'model.neck.type': 'GeneralizedMeanPooling'}),
    'SimPool': dict(config=_gap, options={'model.neck': _simpool}),
    'attention': dict(config=_gap, options={'model.neck': _attention}),
    'DW+C': dict(config=_wise, options={'model.head.pool_size': None}),
    'DW+C_gapinit': dict(
        config=_wise,
        options={'model.head.pool_size': None, 'model.head.kernel_init': 'gap'},
    ),
    'Avg+DW+C': dict(config=_wise),
    'Avg+DW+C_gapinit': dict(config=_wise, options={'model.head.kernel_init': 'gap'}),
}
control = 'GAP'
seeds = (0, 1, 2, 3, 4)
data = dict(root='data/scenes', train='train', test='test', val_fraction=0.1)
