"""ResNet-18 of Decoupled Networks, 128 to 1024 channels, 42.9 M parameters."""

model = dict(
    type='ImageClassifier',
    backbone=dict(type='ModifiedResNet18'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=1024,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.01),
        topk=(1, 5),
    ),
)
