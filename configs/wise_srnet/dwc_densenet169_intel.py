"""Intel scenes at 224 pixels, DenseNet-169 from scratch: DW+C.

Run: python tools/train.py configs/wise_srnet/dwc_densenet169_intel.py
Expect: not trained by us; 87.13 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-169 plus 83,200 weights.
"""

_base_ = './wisesrnet_densenet169_intel.py'

model = dict(head=dict(pool_size=None))
