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

_base_ = './wise_srnet_scenes.py'

_heads = {
    name: dict(config=variant['config'].replace('tiny', 'efficientnetlite0'))
    for name, variant in _base_.variants.items()
}
_attention = dict(in_features=1280, head_dim=64)
variants = {
    **_heads,
    'SimPool': dict(
        _heads['SimPool'],
        options={'model.neck': dict(arguments=dict(dim=1280))},
    ),
    'attention': dict(
        _heads['attention'], options={'model.neck': dict(arguments=_attention)}
    ),
}
seeds = (1, 2, 3, 4, 5)
data = dict(val_fraction=0.05, per_class=20)
