"""DenseNet-121 with Wise-SrNet, Sub-ImageNet-70 at 224 pixels, from scratch.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_densenet121_subimagenet70.py
Expect: not trained by us; the paper reports 64.95 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x DenseNet-121 plus 10,240 parameters.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(
    backbone=dict(_delete_=True, type='DenseNet', arch='121'),
    head=dict(in_channels=1024),
)
