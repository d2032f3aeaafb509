"""Sub-ImageNet-70 at 224 pixels, ResNet-50 from scratch: DW.

Run: python tools/train.py configs/wise_srnet/dw_resnet50_subimagenet70.py
Expect: not trained by us; 59.69 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x ResNet-50 plus 102,400 weights.
"""

_base_ = './wisesrnet_resnet50_subimagenet70.py'

model = dict(head=dict(pool_size=None, constraint=None))
