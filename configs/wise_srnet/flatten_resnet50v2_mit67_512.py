"""MIT Indoor 67 at 512 pixels, ResNet-50V2 from ImageNet weights: Avg+Flatten+FC.

Run: python tools/train.py configs/wise_srnet/flatten_resnet50v2_mit67_512.py
Expect: not trained by us; 20.52 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x ResNet-50V2 plus 3,293,184 weights.
"""

_base_ = './wisesrnet_resnet50v2_mit67_512.py'

model = dict(head=dict(pooling='flatten', constraint=None))
