"""DenseNet-169 with Wise-SrNet, MIT Indoor 67 at 224 pixels, from scratch.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_densenet169_mit67.py
Expect: not trained by us; the paper reports 31.25 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x DenseNet-169 plus 16,640 parameters.
"""

_base_ = './wisesrnet_xception_mit67.py'

model = dict(
    backbone=dict(_delete_=True, type='DenseNet', arch='169'),
    head=dict(in_channels=1664),
)
