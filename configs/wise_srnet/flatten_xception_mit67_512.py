"""Xception with Avg+Flatten+FC, MIT Indoor 67 at 512 pixels, from ImageNet weights.

The control without a depthwise kernel: average pooling, flatten, linear classifier.

Run: python tools/train.py configs/wise_srnet/flatten_xception_mit67_512.py
Expect: not trained by us; the paper reports 70.41 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception plus 3,293,184 parameters.
"""

_base_ = './wisesrnet_xception_mit67_512.py'

model = dict(head=dict(pooling='flatten', constraint=None))
