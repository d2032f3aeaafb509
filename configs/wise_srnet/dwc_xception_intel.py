"""Xception with DW+C, Intel scenes at 224 pixels, from scratch.

DW+C is a non-negative depthwise kernel over the whole feature map.

Run: python tools/train.py configs/wise_srnet/dwc_xception_intel.py
Expect: not trained by us; the paper reports 89.77 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception plus 102,400 parameters.
"""

_base_ = './wisesrnet_xception_intel.py'

model = dict(head=dict(pool_size=None))
