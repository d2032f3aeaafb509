"""Ablation: pre-average, flatten, classifier (Avg+Flatten+FC).

Run: bash tools/dist_train.sh configs/wise_srnet/flatten_resnet50_imagenet.py 8
Expect: not trained by us. Cost: 1 x ResNet-50 plus 16.4 M weights.
"""

_base_ = './wisesrnet_resnet50_imagenet.py'

model = dict(head=dict(pooling='flatten', constraint=None))
