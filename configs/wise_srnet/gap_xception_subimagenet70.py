"""Sub-ImageNet-70 at 224 pixels, Xception from scratch: GAP.

Run: python tools/train.py configs/wise_srnet/gap_xception_subimagenet70.py
Expect: not trained by us; 68.06 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
