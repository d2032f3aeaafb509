"""Sub-ImageNet-70 at 224 pixels, DenseNet-121 from scratch: Avg+DW+C.

Run: python tools/train.py configs/wise_srnet/wisesrnet_densenet121_subimagenet70.py
Expect: not trained by us; 64.95 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-121 plus 10,240 weights.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(
    backbone=dict(_delete_=True, type='DenseNet', arch='121'),
    head=dict(in_channels=1024),
)
