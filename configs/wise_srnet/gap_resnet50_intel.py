"""Intel scenes at 224 pixels, ResNet-50 from scratch: GAP.

Run: python tools/train.py configs/wise_srnet/gap_resnet50_intel.py
Expect: not trained by us; 82.03 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x ResNet-50.
"""

_base_ = './wisesrnet_resnet50_intel.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
