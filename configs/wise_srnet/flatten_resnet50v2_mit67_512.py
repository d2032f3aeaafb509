"""ResNet-50V2 with Avg+Flatten+FC, MIT Indoor 67 at 512 pixels, from ImageNet weights.

The control without a depthwise kernel: average pooling, flatten, linear classifier.

Run: python tools/train.py configs/wise_srnet/flatten_resnet50v2_mit67_512.py
Expect: not trained by us; the paper reports 20.52 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x ResNet-50V2 plus 3,293,184 parameters.
"""

_base_ = './wisesrnet_resnet50v2_mit67_512.py'

model = dict(head=dict(pooling='flatten', constraint=None))
