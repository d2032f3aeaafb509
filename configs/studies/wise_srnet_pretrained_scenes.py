"""Pooling heads on a pretrained network: scenes at 192 pixels, 20 images per class.

Run: python tools/model_converters/efficientnet_lite.py lite0 data/lite0.pth
    python tools/study.py configs/studies/wise_srnet_pretrained_scenes.py --cfg-options data.root=DIR
    DIR contains `train` and `test`, each with one subfolder of images per class. Requires timm.
Cost: 40 runs of EfficientNet-Lite0, 20 epochs of 120 images; 2 to 3 minutes per run on one
    CPU core.
The images have 96 pixels and are enlarged, which gives feature maps of 6x6 positions, close
to the 7x7 that the network was trained with. A twentieth of the training images is held out.
All heads use the schedule of `adf_pretrained_scenes.py`, whose learning rate was chosen with
global average pooling at 96 pixels. C stands for the constraint, Avg for average pooling
before the kernel. Wise-SrNet is initialised as published, or to global average pooling where
the name contains `gapinit`. `attention` is CLIP's attention pooling. No variant has dropout.
"""

_gap = '../wise_srnet/gap_efficientnetlite0_scenes.py'
_wise = '../wise_srnet/wisesrnet_efficientnetlite0_scenes.py'
_simpool = dict(
    _delete_=True, type='TimmPooling', pooling='SimPool2d', arguments=dict(dim=1280)
)
_attention = dict(
    _delete_=True,
    type='TimmPooling',
    pooling='AttentionPool2d',
    arguments=dict(in_features=1280, feat_size=6, head_dim=64),
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
seeds = (1, 2, 3, 4, 5)
data = dict(
    root='data/scenes', train='train', test='test', val_fraction=0.05, per_class=20
)
