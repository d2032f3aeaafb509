"""Alternative: attention pooling (timm) on ResNet-50, ImageNet-1k.

Requires timm.

Run: bash tools/dist_train.sh configs/wise_srnet/attention_resnet50_imagenet.py 8
Expect: not trained by us; not in the paper.
Cost: 1 x ResNet-50 plus 16.9 M parameters.
"""

_base_ = './gap_resnet50_imagenet.py'

model = dict(
    neck=dict(
        _delete_=True,
        type='TimmPooling',
        pooling='AttentionPool2d',
        arguments=dict(in_features=2048, feat_size=7),
    )
)
