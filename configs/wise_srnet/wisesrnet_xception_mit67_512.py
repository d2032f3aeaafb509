"""Xception with Wise-SrNet, MIT Indoor 67 at 512 pixels, from ImageNet weights.

Avg+DW+C: average pooling, then a non-negative depthwise kernel over what remains.

Run: python tools/train.py configs/wise_srnet/wisesrnet_xception_mit67_512.py
Expect: not trained by us; the paper reports 73.62 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x Xception plus 53,248 parameters.
"""

_base_ = [
    '../_base_/models/wise_srnet_xception.py',
    '../_base_/datasets/mit67_bs15_512.py',
    '../_base_/schedules/wise_srnet.py',
    '../_base_/runtime.py',
]

model = dict(
    backbone=dict(model_name='legacy_xception.tf_in1k', pretrained=True),
    head=dict(num_classes=67, map_size=16, pool_size=3),
)
train_cfg = dict(max_epochs=130)
auto_scale_lr = dict(base_batch_size=15)
