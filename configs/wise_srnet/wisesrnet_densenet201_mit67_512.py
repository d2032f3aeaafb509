"""MIT Indoor 67 at 512 pixels, DenseNet-201 from ImageNet weights: Avg+DW+C.

Run: python tools/train.py configs/wise_srnet/wisesrnet_densenet201_mit67_512.py
Expect: not trained by us; 60.37 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-201 plus 49,920 weights.
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
