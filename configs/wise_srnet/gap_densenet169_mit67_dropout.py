"""DenseNet-169 with GAP and dropout, MIT Indoor 67 at 224 pixels, from scratch.

GAP+DP is global average pooling and dropout, the control.

Run: python tools/train.py configs/wise_srnet/gap_densenet169_mit67_dropout.py
Expect: not trained by us; the paper reports 27.09 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x DenseNet-169.
"""

_base_ = './gap_densenet169_mit67.py'

model = dict(head=dict(dropout=0.5))
