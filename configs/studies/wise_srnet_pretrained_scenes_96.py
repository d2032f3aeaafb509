"""Pooling heads on a pretrained network at 96 pixels: 3x3 positions instead of 6x6.

Run: python tools/study.py configs/studies/wise_srnet_pretrained_scenes_96.py --cfg-options data.root=DIR
    For DIR and the weights see wise_srnet_pretrained_scenes.py. Requires timm.
Cost: 30 runs of EfficientNet-Lite0, 20 epochs of 120 images; a minute per run on one CPU
    core.
Networks and training are unchanged. There is no average pooling before the kernel, because
it would reduce 3x3 positions to one.
"""

_base_ = './wise_srnet_pretrained_scenes.py'

variants = {
    'attention': dict(options={'model.neck.arguments.feat_size': 3}),
    'DW+C': dict(options={'model.head.map_size': 3}),
    'DW+C_gapinit': dict(options={'model.head.map_size': 3}),
    **dict.fromkeys(('Avg+DW+C', 'Avg+DW+C_gapinit')),
}
options = {
    f'{name}_dataloader.dataset.pipeline.1.scale': 96
    for name in ('train', 'val', 'test')
}
