"""Xception with GAP and dropout, Sub-ImageNet-70 at 224 pixels, from scratch.

GAP+DP is global average pooling and dropout, the control.

Run: python tools/train.py configs/wise_srnet/gap_xception_subimagenet70_dropout.py
Expect: not trained by us; the paper reports 69.09 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception.
"""

_base_ = './gap_xception_subimagenet70.py'

model = dict(head=dict(dropout=0.5))
