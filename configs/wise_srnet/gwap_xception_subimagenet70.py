"""Xception with GWAP, Sub-ImageNet-70 at 224 pixels, from scratch.

GWAP is one kernel over the whole feature map, shared by all channels. Ours: its
weights are non-negative; the official code does not contain GWAP.

Run: python tools/train.py configs/wise_srnet/gwap_xception_subimagenet70.py
Expect: not trained by us; the paper reports 63.07 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception plus 50 parameters.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(head=dict(pooling='shared', pool_size=None))
