"""ResNet-50V2 with Wise-SrNet, MIT Indoor 67 at 512 pixels, from ImageNet weights.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_resnet50v2_mit67_512.py
Expect: not trained by us; the paper reports 53.88 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x ResNet-50V2 plus 53,248 parameters.
"""

_base_ = './wisesrnet_xception_mit67_512.py'

model = dict(backbone=dict(model_name='resnetv2_50.a1h_in1k'))
