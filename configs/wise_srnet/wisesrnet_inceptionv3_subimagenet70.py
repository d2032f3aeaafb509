"""Sub-ImageNet-70 at 224 pixels, Inception V3 from scratch: Avg+DW+C.

Run: python tools/train.py configs/wise_srnet/wisesrnet_inceptionv3_subimagenet70.py
Expect: not trained by us; we know of no published number.
Cost: 1 x Inception V3 plus 10,240 weights.
"""

_base_ = './wisesrnet_xception_subimagenet70.py'

model = dict(
    backbone=dict(_delete_=True, type='InceptionV3Map'),
    head=dict(map_size=5),
)
