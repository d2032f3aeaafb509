"""MIT Indoor 67 at 224 pixels, Xception from scratch: Avg+DW+C+DP.

Run: python tools/train.py configs/wise_srnet/wisesrnet_xception_mit67_dropout.py
Expect: not trained by us; 41.25 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception plus 20,480 weights.
"""

_base_ = './wisesrnet_xception_mit67.py'

model = dict(head=dict(dropout=0.5))
