"""MIT Indoor 67 at 512 pixels, ResNet-50V2 from ImageNet weights: Avg+DW+C.

Run: python tools/train.py configs/wise_srnet/wisesrnet_resnet50v2_mit67_512.py
Expect: not trained by us; 53.88 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x ResNet-50V2 plus 53,248 weights.
"""

_base_ = './wisesrnet_xception_mit67_512.py'

model = dict(backbone=dict(model_name='resnetv2_50.a1h_in1k'))
