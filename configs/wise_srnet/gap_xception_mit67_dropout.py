"""MIT Indoor 67 at 224 pixels, Xception from scratch: GAP+DP.

Run: python tools/train.py configs/wise_srnet/gap_xception_mit67_dropout.py
Expect: not trained by us; 35.71 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception.
"""

_base_ = './gap_xception_mit67.py'

model = dict(head=dict(dropout=0.5))
