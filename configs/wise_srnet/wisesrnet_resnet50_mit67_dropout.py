"""ResNet-50 with Wise-SrNet and dropout, MIT Indoor 67 at 224 pixels, from scratch.

Avg+DW+C+DP: average pooling, a non-negative depthwise kernel, dropout.

Run: python tools/train.py configs/wise_srnet/wisesrnet_resnet50_mit67_dropout.py
Expect: not trained by us; the paper reports 30.75 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x ResNet-50 plus 20,480 parameters.
"""

_base_ = './wisesrnet_resnet50_mit67.py'

model = dict(head=dict(dropout=0.5))
