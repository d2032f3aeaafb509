"""ResNet-50 with DW+C, Sub-ImageNet-70 at 224 pixels, from scratch.

DW+C is a non-negative depthwise kernel over the whole feature map.

Run: python tools/train.py configs/wise_srnet/dwc_resnet50_subimagenet70.py
Expect: not trained by us; the paper reports 61.49 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x ResNet-50 plus 102,400 parameters.
"""

_base_ = './wisesrnet_resnet50_subimagenet70.py'

model = dict(head=dict(pool_size=None))
