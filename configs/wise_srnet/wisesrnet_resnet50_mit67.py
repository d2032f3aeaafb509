"""ResNet-50 with Wise-SrNet, MIT Indoor 67 at 224 pixels, from scratch.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_resnet50_mit67.py
Expect: not trained by us; the paper reports 29.88 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x ResNet-50 plus 20,480 parameters.
"""

_base_ = './wisesrnet_xception_mit67.py'

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=50, style='caffe'),
)
