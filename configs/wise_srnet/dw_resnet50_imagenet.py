"""Ablation: free kernel over the whole 7 x 7 map, no pre-average (DW).

Run: bash tools/dist_train.sh configs/wise_srnet/dw_resnet50_imagenet.py 8
Expect: not trained by us. Cost: 1 x ResNet-50 plus 102,400 weights.
"""

_base_ = './wisesrnet_resnet50_imagenet.py'

model = dict(head=dict(pool_size=None, constraint=None))
