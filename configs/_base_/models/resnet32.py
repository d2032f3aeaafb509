"""ResNet-32 with 96 to 384 channels for 32x32 images, 16.7 M parameters."""

model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet32'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=100,
        in_channels=384,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.01),
    ),
)
