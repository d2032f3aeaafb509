"""MIT Indoor 67 at 512 pixels, Xception from ImageNet weights: Avg+Flatten+FC.

Run: python tools/train.py configs/wise_srnet/flatten_xception_mit67_512.py
Expect: not trained by us; 70.41 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception plus 3,293,184 weights.
"""

_base_ = './wisesrnet_xception_mit67_512.py'

model = dict(head=dict(pooling='flatten', constraint=None))
