"""ResNet-50 with Wise-SrNet, Intel scenes at 224 pixels, from scratch.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_resnet50_intel.py
Expect: not trained by us; the paper reports 87.73 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x ResNet-50 plus 20,480 parameters.
"""

_base_ = './wisesrnet_xception_intel.py'

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=50, style='caffe'),
)
