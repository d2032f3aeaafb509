"""Xception with Wise-SrNet and dropout, Sub-ImageNet-70 at 224 pixels, from scratch.

Avg+DW+C+DP: average pooling, a non-negative depthwise kernel, dropout.

Run: python tools/train.py configs/wise_srnet/wisesrnet_xception_subimagenet70_dropout.py
Expect: not trained by us; the paper reports 72.23 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception plus 20,480 parameters.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(head=dict(dropout=0.5))
