"""Xception with Wise-SrNet, MIT Indoor 67 at 224 pixels, from scratch.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_xception_mit67.py
Expect: not trained by us; the paper reports 40.03 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception plus 20,480 parameters.
"""

_base_ = [
    '../_base_/models/wise_srnet_xception.py',
    '../_base_/datasets/mit67_bs70.py',
    '../_base_/schedules/wise_srnet.py',
    '../_base_/runtime.py',
]

model = dict(head=dict(num_classes=67))
train_cfg = dict(max_epochs=200)
default_hooks = dict(logger=dict(interval=10))
