"""Sub-ImageNet-70 at 224 pixels, DenseNet-121 from scratch: GAP.

Run: python tools/train.py configs/wise_srnet/gap_densenet121_subimagenet70.py
Expect: not trained by us; 62.89 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-121.
"""

_base_ = './wisesrnet_densenet121_subimagenet70.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
