"""Pooling heads on scenes with a larger feature map: 11x11 positions instead of 6x6.

Run: python tools/study.py configs/studies/wise_srnet_scenes_11x11.py --jobs 2
         --cfg-options data.root=DIR
    For DIR and the images of our numbers see wise_srnet_scenes.py. Requires timm.
Cost: 40 runs of a small ResNet, 30 epochs of 5,940 images; 4 to 6 minutes per run on one
    CPU core.
The last stage has stride 1 in place of 2; images and training are unchanged. Average pooling
reduces 11x11 positions to 5x5 and leaves out the last row and column, as for the 7x7
positions of the paper.
"""

_base_ = './wise_srnet_scenes.py'

variants = {
    'attention': dict(options={'model.neck.arguments.feat_size': 11}),
    **{
        name: dict(options={'model.head.map_size': 11})
        for name in ('DW+C', 'DW+C_gapinit', 'Avg+DW+C', 'Avg+DW+C_gapinit')
    },
}
options = {'model.backbone.strides': (1, 2, 1)}
