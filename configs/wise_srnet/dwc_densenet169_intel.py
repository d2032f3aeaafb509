"""DenseNet-169 with DW+C, Intel scenes at 224 pixels, from scratch.

DW+C is a non-negative depthwise kernel over the whole feature map.

Run: python tools/train.py configs/wise_srnet/dwc_densenet169_intel.py
Expect: not trained by us; the paper reports 87.13 % top-1, with the epoch chosen on the
    test set.
Cost: 1 x DenseNet-169 plus 83,200 parameters.
"""

_base_ = './wisesrnet_densenet169_intel.py'

model = dict(head=dict(pool_size=None))
