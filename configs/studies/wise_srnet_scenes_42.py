"""Pooling heads on scenes at half the resolution: a 3x3 feature map instead of 6x6.

Run: python tools/study.py configs/studies/wise_srnet_scenes_42.py --jobs 2
         --cfg-options data.root=DIR
    For DIR and the images of our numbers see wise_srnet_scenes.py. Requires timm.
Cost: 30 runs of a small ResNet, 30 epochs of 5,940 images; about 2 minutes per run on one
    CPU core.
Images are resized to 48 pixels and cropped to 42; networks and training are unchanged.
There is no average pooling before the kernel, because it would reduce 3x3 positions to one.
"""

_base_ = './wise_srnet_scenes.py'

variants = {
    'attention': dict(options={'model.neck.arguments.feat_size': 3}),
    'DW+C': dict(options={'model.head.map_size': 3}),
    'DW+C_gapinit': dict(options={'model.head.map_size': 3}),
    **dict.fromkeys(('Avg+DW+C', 'Avg+DW+C_gapinit')),
}
options = {
    f'{name}_dataloader.dataset.pipeline.{step}': size
    for name in ('train', 'val', 'test')
    for step, size in {'1.scale': 48, '2.crop_size': 42}.items()
}
