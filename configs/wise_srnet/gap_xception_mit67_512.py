"""MIT Indoor 67 at 512 pixels, Xception from ImageNet weights: GAP.

Run: python tools/train.py configs/wise_srnet/gap_xception_mit67_512.py
Expect: not trained by us; 1.57 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception.
"""

_base_ = './wisesrnet_xception_mit67_512.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
