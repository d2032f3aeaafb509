"""MIT Indoor 67 at 224 pixels, DenseNet-169 from scratch: Avg+DW+C+DP.

Run: python tools/train.py configs/wise_srnet/wisesrnet_densenet169_mit67_dropout.py
Expect: not trained by us; 32.12 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-169 plus 16,640 weights.
"""

_base_ = './wisesrnet_densenet169_mit67.py'

model = dict(head=dict(dropout=0.5))
