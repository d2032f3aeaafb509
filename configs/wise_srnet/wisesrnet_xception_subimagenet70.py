"""Xception with Wise-SrNet, Sub-ImageNet-70 at 224 pixels, from scratch.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_xception_subimagenet70.py
Expect: not trained by us; the paper reports 71.20 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception plus 20,480 parameters.
"""

_base_ = [
    '../_base_/models/wise_srnet_xception.py',
    '../_base_/datasets/subimagenet70_bs70.py',
    '../_base_/schedules/wise_srnet.py',
    '../_base_/runtime.py',
]

model = dict(head=dict(num_classes=70))
train_cfg = dict(max_epochs=148)
