"""DenseNet-201 with Wise-SrNet, MIT Indoor 67 at 512 pixels, from ImageNet weights.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_densenet201_mit67_512.py
Expect: not trained by us; the paper reports 60.37 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x DenseNet-201 plus 49,920 parameters.
"""

_base_ = './wisesrnet_xception_mit67_512.py'

weights = 'https://mmassets.onedl.ai/mmclassification/v0/densenet/densenet201_4xb256_in1k_20220426-05cae4ef.pth'
model = dict(
    backbone=dict(
        _delete_=True,
        type='DenseNet',
        arch='201',
        init_cfg=dict(type='Pretrained', checkpoint=weights, prefix='backbone'),
    ),
    head=dict(in_channels=1920),
)
