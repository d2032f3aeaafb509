"""RegNetX-200MF for small images: 16.2 M multiply-adds at 64 pixels, 6 classes.

Paper: Designing Network Design Spaces, arXiv 2003.13678: w0 = 24, wa = 36.44, wm = 2.49,
group width 8, depth 13.
"""

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='RegNet',
        arch=dict(w0=24, wa=36.44, wm=2.49, group_w=8, depth=13, bot_mul=1.0),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=6,
        in_channels=368,
        loss=dict(type='CrossEntropyLoss'),
    ),
)
