"""Ablation: one kernel shared by all channels (GWAP).

Run: bash tools/dist_train.sh configs/wise_srnet/gwap_resnet50_imagenet.py 8
Expect: not trained by us. Cost: 1 x ResNet-50 plus 50 weights.
"""

_base_ = './wisesrnet_resnet50_imagenet.py'

model = dict(head=dict(pooling='shared', pool_size=None))
