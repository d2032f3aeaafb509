"""Sub-ImageNet-70 at 224 pixels, Xception from scratch: Avg+DW+C.

Run: python tools/train.py configs/wise_srnet/wisesrnet_xception_subimagenet70.py
Expect: not trained by us; 71.20 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception plus 20,480 weights.
"""

_base_ = [
    '../_base_/models/wise_srnet_xception.py',
    '../_base_/datasets/subimagenet70_bs70.py',
    '../_base_/schedules/wise_srnet.py',
    '../_base_/runtime.py',
]

model = dict(head=dict(num_classes=70))
train_cfg = dict(max_epochs=148)
