"""Sub-ImageNet-70 at 224 pixels, DenseNet-121 from scratch: GWAP.

Run: python tools/train.py configs/wise_srnet/gwap_densenet121_subimagenet70.py
Expect: not trained by us; 58.28 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-121 plus 50 weights.
"""

_base_ = './wisesrnet_densenet121_subimagenet70.py'

model = dict(head=dict(pooling='shared', pool_size=None))
