"""DenseNet-201 with Avg+Flatten+FC, MIT Indoor 67 at 512 pixels, from ImageNet weights.

The control without a depthwise kernel: average pooling, flatten, linear classifier.

Run: python tools/train.py configs/wise_srnet/flatten_densenet201_mit67_512.py
Expect: not trained by us; the paper reports 11.49 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x DenseNet-201 plus 3,087,360 parameters.
"""

_base_ = './wisesrnet_densenet201_mit67_512.py'

model = dict(head=dict(pooling='flatten', constraint=None))
