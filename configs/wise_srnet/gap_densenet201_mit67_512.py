"""DenseNet-201 with GAP, MIT Indoor 67 at 512 pixels, from ImageNet weights.

GAP is global average pooling, the control.

Run: python tools/train.py configs/wise_srnet/gap_densenet201_mit67_512.py
Expect: not trained by us; the paper reports 34.33 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x DenseNet-201.
"""

_base_ = './wisesrnet_densenet201_mit67_512.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
