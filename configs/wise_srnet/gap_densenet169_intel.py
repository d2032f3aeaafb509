"""Intel scenes at 224 pixels, DenseNet-169 from scratch: GAP.

Run: python tools/train.py configs/wise_srnet/gap_densenet169_intel.py
Expect: not trained by us; 84.57 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-169.
"""

_base_ = './wisesrnet_densenet169_intel.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
