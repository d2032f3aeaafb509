"""Sub-ImageNet-70 at 224 pixels, DenseNet-121 from scratch: DW+C.

Run: python tools/train.py configs/wise_srnet/dwc_densenet121_subimagenet70.py
Expect: not trained by us; 63.99 % top-1 in the paper, on the test set by which it
    chose the epoch.
Cost: 1 x DenseNet-121 plus 51,200 weights.
"""

_base_ = './wisesrnet_densenet121_subimagenet70.py'

model = dict(head=dict(pool_size=None))
