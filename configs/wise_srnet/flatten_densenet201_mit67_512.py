"""MIT Indoor 67 at 512 pixels, DenseNet-201 from ImageNet weights: Avg+Flatten+FC.

Run: python tools/train.py configs/wise_srnet/flatten_densenet201_mit67_512.py
Expect: not trained by us; 11.49 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-201 plus 3,087,360 weights.
"""

_base_ = './wisesrnet_densenet201_mit67_512.py'

model = dict(head=dict(pooling='flatten', constraint=None))
