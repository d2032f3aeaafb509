"""Plain CNN-9 for 32x32 images, batch norm as in wy1iu/DCNets, 3.9 M parameters."""

model = dict(
    type='ImageClassifier',
    backbone=dict(type='CNN9', norm_cfg=dict(type='BN', eps=1e-3, momentum=1e-3)),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=100,
        in_channels=256,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.01),
    ),
)
