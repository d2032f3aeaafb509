"""Sub-ImageNet-70 at 224 pixels, Xception from scratch: GWAP.

Run: python tools/train.py configs/wise_srnet/gwap_xception_subimagenet70.py
Expect: not trained by us; 63.07 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception plus 50 weights.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(head=dict(pooling='shared', pool_size=None))
