"""EfficientNet-Lite0 of timm, whole: with its last 1 x 1 convolution, 1000 classes.

`tools/model_converters/efficientnet_lite.py` writes its ImageNet weights.
"""

model = dict(
    type='ImageClassifier',
    backbone=dict(type='TIMMBackbone', model_name='tf_efficientnet_lite0'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=1280,
        loss=dict(type='CrossEntropyLoss'),
        topk=(1, 5),
    ),
)
