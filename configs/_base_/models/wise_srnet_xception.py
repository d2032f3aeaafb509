"""Xception (timm) with the head of Wise-SrNet, for images of 224 pixels.

Requires timm, whose `legacy_xception` is the network of Keras. Weights are random.
"""

model = dict(
    type='ImageClassifier',
    backbone=dict(type='TIMMBackbone', model_name='legacy_xception'),
    head=dict(
        type='WiseSrNetHead',
        num_classes=1000,
        in_channels=2048,
        map_size=7,
        topk=(1, 5),
    ),
)
