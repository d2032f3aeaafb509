"""Sub-ImageNet-70 at 224 pixels, Xception from scratch: DW.

Run: python tools/train.py configs/wise_srnet/dw_xception_subimagenet70.py
Expect: not trained by us; 67.60 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception plus 102,400 weights.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(head=dict(pool_size=None, constraint=None))
