"""Xception with GAP, Intel scenes at 224 pixels, from scratch.

GAP is global average pooling, the control.

Run: python tools/train.py configs/wise_srnet/gap_xception_intel.py
Expect: not trained by us; the paper reports 87.87 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception.
"""

_base_ = './wisesrnet_xception_intel.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
