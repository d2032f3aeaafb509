"""MIT Indoor 67 at 224 pixels, DenseNet-169 from scratch: GAP+DP.

Run: python tools/train.py configs/wise_srnet/gap_densenet169_mit67_dropout.py
Expect: not trained by us; 27.09 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-169.
"""

_base_ = './gap_densenet169_mit67.py'

model = dict(head=dict(dropout=0.5))
