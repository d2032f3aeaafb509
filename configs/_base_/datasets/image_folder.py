"""Your own images at 224 pixels, normalised for ImageNet weights.

`data/my_images/train` and `data/my_images/val` hold one folder per class; a link is
enough (`ln -s FOLDER data/my_images`). The validation set is also the test set, as in
MMPretrain's configs. The config that uses this base sets the number of classes.

Files with other endings than `extensions` are not read, and are named when training
starts. Most builds of OpenCV decode these formats. If yours does not, the error message
says so, and `imdecode_backend='pillow'` in LoadImageFromFile decodes the formats of Pillow.
"""

extensions = [
    *('.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.avif', '.gif'),
    *('.bmp', '.ppm', '.pgm', '.tif', '.tiff'),
]

data_preprocessor = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, edge='short'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    dataset=dict(
        type='CustomDataset',
        data_root='data/my_images/train',
        extensions=extensions,
        pipeline=train_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    dataset=dict(
        type='CustomDataset',
        data_root='data/my_images/val',
        extensions=extensions,
        pipeline=test_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))

test_dataloader = val_dataloader
test_evaluator = val_evaluator
