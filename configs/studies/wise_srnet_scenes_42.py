"""Pooling heads on scenes at half the resolution: a 3x3 feature map instead of 6x6.

Run: python tools/study.py configs/studies/wise_srnet_scenes_42.py --jobs 2
         --cfg-options data.root=DIR
    For DIR and the images of our numbers see wise_srnet_scenes.py. Requires timm.
Cost: 35 runs of a tiny ResNet, 5 epochs each; half a minute per run on one CPU core with
    5,940 training images.
Images are resized to 48 pixels and cropped to 42; networks and training are unchanged.
There is no average pooling before the kernel, because it would reduce 3x3 positions to one.
"""

_base_ = './wise_srnet_scenes.py'

_wise = '../wise_srnet/wisesrnet_tiny_scenes.py'
_map = {'model.head.map_size': 3, 'model.head.pool_size': None}

variants = {
    'attention': dict(options={'model.neck.arguments.feat_size': 3}),
    'DW+C': dict(options={'model.head.map_size': 3}),
    'DW+C_gapinit': dict(options={'model.head.map_size': 3}),
    **dict.fromkeys(('Avg+DW+C', 'Avg+DW+C_gapinit', 'Avg+DW+C+DP')),
    'DW+C+DP': dict(config=_wise, options={**_map, 'model.head.dropout': 0.5}),
}
options = {
    f'{name}_dataloader.dataset.pipeline.{step}': size
    for name in ('train', 'val', 'test')
    for step, size in {'1.scale': 48, '2.crop_size': 42}.items()
}
