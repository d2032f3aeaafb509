"""Preprocessing of Wise-SrNet for images of 224 pixels, with MMPretrain's transforms.

Images are resized to a square, rotated by up to 360 degrees, shifted by up to 0.1 of
their side, zoomed by 0.8 to 1.2, shifted in all channels by one value of up to 50,
flipped in both directions and scaled in brightness by 0 to 1.2. The mean is subtracted
from each channel, in BGR order, without division by a standard deviation.

Differences from Keras's ImageDataGenerator:
- Zoom: one factor for both axes, uniform as a scale. Keras draws one for each axis,
  uniform as the inverse scale.
- Shift: along the axes of the rotated image. Keras shifts before it rotates.
- Channel shift: normal, with the standard deviation of Keras's uniform distribution,
  50 / sqrt(3). It is not clipped to the range of the image, but the brightness
  transform clips to 0 to 255.
As in Keras, pixels outside the image repeat its border: the image is padded first.

The validation set is a part of the published training set, and only tools/test.py
reads the test set, on which the paper selects its epoch.
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
