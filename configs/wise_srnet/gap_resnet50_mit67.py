"""ResNet-50 with GAP, MIT Indoor 67 at 224 pixels, from scratch.

GAP is global average pooling, the control.

Run: python tools/train.py configs/wise_srnet/gap_resnet50_mit67.py
Expect: not trained by us; the paper reports 23.06 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x ResNet-50.
"""

_base_ = './wisesrnet_resnet50_mit67.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
