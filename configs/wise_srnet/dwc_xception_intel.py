"""Intel scenes at 224 pixels, Xception from scratch: DW+C.

Run: python tools/train.py configs/wise_srnet/dwc_xception_intel.py
Expect: not trained by us; 89.77 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception plus 102,400 weights.
"""

_base_ = './wisesrnet_xception_intel.py'

model = dict(head=dict(pool_size=None))
