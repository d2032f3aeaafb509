"""MIT Indoor 67 at 512 pixels, Xception from ImageNet weights: Avg+DW+C.

Run: python tools/train.py configs/wise_srnet/wisesrnet_xception_mit67_512.py
Expect: not trained by us; 73.62 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x Xception plus 53,248 weights.
timm downloads weights as soon as it builds the network; to test or resume without
network: --cfg-options model.backbone.pretrained=False
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
