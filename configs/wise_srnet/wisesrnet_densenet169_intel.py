"""Intel scenes at 224 pixels, DenseNet-169 from scratch: Avg+DW+C.

Run: python tools/train.py configs/wise_srnet/wisesrnet_densenet169_intel.py
Expect: not trained by us; 87.83 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-169 plus 16,640 weights.
"""

_base_ = './wisesrnet_xception_intel.py'

model = dict(
    backbone=dict(_delete_=True, type='DenseNet', arch='169'),
    head=dict(in_channels=1664),
)
