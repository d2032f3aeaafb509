"""DenseNet-121 with GAP, Sub-ImageNet-70 at 224 pixels, from scratch.

GAP is global average pooling, the control.

Run: python tools/train.py configs/wise_srnet/gap_densenet121_subimagenet70.py
Expect: not trained by us; the paper reports 62.89 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x DenseNet-121.
"""

_base_ = './wisesrnet_densenet121_subimagenet70.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
