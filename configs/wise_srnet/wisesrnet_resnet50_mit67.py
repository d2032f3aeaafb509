"""MIT Indoor 67 at 224 pixels, ResNet-50 from scratch: Avg+DW+C.

Run: python tools/train.py configs/wise_srnet/wisesrnet_resnet50_mit67.py
Expect: not trained by us; 29.88 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x ResNet-50 plus 20,480 weights.
"""

_base_ = './wisesrnet_xception_mit67.py'

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=50, style='caffe'),
)
