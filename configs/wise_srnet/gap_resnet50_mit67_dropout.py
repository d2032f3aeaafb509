"""MIT Indoor 67 at 224 pixels, ResNet-50 from scratch: GAP+DP.

Run: python tools/train.py configs/wise_srnet/gap_resnet50_mit67_dropout.py
Expect: not trained by us; 23.13 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x ResNet-50.
"""

_base_ = './gap_resnet50_mit67.py'

model = dict(head=dict(dropout=0.5))
