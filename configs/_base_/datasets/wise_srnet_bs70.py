"""Images of 224 pixels as Wise-SrNet reads them, by MMPretrain's transforms.

Squeezed to a square; turned by up to 360 degrees, shifted by up to 0.1 of the side,
zoomed by 0.8 to 1.2; one value of up to 50 added to all channels; flipped both ways;
brightness times 0 to 1.2; the mean taken off each channel, order BGR, no deviation.

What differs from Keras's ImageDataGenerator:
- zoom: one factor for both axes, where Keras draws two; uniform as a scale, where Keras
  draws its inverse;
- shift: along the axes of the result, where Keras shifts before it turns;
- channel shift: normal with the deviation of Keras's uniform one, 50 / sqrt(3), and
  not clipped to the range of the image, but brightness clips to 0 to 255.
Pixels from outside the image repeat its border, as there: it is padded so before.

The validation set is a part of the published training set, and tools/test.py alone
sees the test set, by which the paper chooses its epoch.
"""

data_preprocessor = dict(
    mean=[103.939, 116.779, 123.68], std=[1.0, 1.0, 1.0], to_rgb=False
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(224, 224), interpolation='nearest'),
    dict(type='NumpyToPIL', to_rgb=False),
    dict(type='torchvision/Pad', padding=128, padding_mode='edge'),
    dict(
        type='torchvision/RandomAffine',
        degrees=360,
        translate=(22.4 / 480, 22.4 / 480),  # of the padded side
        scale=(1 / 1.2, 1 / 0.8),
        interpolation='bilinear',
    ),
    dict(type='torchvision/CenterCrop', size=224),
    dict(type='PILToNumpy', dtype='float32'),
    dict(
        type='Lighting',
        eigval=[1.0],
        eigvec=[[1.0], [1.0], [1.0]],
        alphastd=28.87,
        to_rgb=False,
    ),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
    dict(type='ColorJitter', brightness=(0.0, 1.2), backend='cv2'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(224, 224), interpolation='nearest'),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=70,
    num_workers=4,
    dataset=dict(type='CustomDataset', pipeline=train_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=70,
    num_workers=4,
    dataset=dict(type='CustomDataset', pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1, 5))

test_dataloader = dict(
    batch_size=70,
    num_workers=4,
    dataset=dict(type='CustomDataset', pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_evaluator = val_evaluator
