"""MIT Indoor 67 at 224 pixels, DenseNet-169 from scratch: GAP.

Run: python tools/train.py configs/wise_srnet/gap_densenet169_mit67.py
Expect: not trained by us; 26.79 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-169.
"""

_base_ = './wisesrnet_densenet169_mit67.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
