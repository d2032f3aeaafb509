"""Xception with DW, Sub-ImageNet-70 at 224 pixels, from scratch.

DW is a depthwise kernel over the whole feature map, without constraint.

Run: python tools/train.py configs/wise_srnet/dw_xception_subimagenet70.py
Expect: not trained by us; the paper reports 67.60 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception plus 102,400 parameters.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(head=dict(pool_size=None, constraint=None))
