"""Sub-ImageNet-70 at 224 pixels, Inception V3 from scratch: GAP.

Run: python tools/train.py configs/wise_srnet/gap_inceptionv3_subimagenet70.py
Expect: not trained by us; we know of no published number.
Cost: 1 x Inception V3.
"""

_base_ = './wisesrnet_inceptionv3_subimagenet70.py'

model = dict(head=dict(pooling='mean', pool_size=None, constraint=None))
