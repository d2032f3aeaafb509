"""The 1,797 handwritten digits of scikit-learn (tools/dataset_converters/digits.py)."""

data_preprocessor = dict(
    num_classes=10, mean=[127.5] * 3, std=[127.5] * 3, to_rgb=False
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=16),
    dict(type='RandomCrop', crop_size=16, padding=2),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=16),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    dataset=dict(
        type='CustomDataset',
        data_root='data/digits/train',
        pipeline=train_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=1,
    dataset=dict(
        type='CustomDataset',
        data_root='data/digits/val',
        pipeline=test_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))

test_dataloader = dict(
    batch_size=128,
    num_workers=1,
    dataset=dict(
        type='CustomDataset',
        data_root='data/digits/test',
        pipeline=test_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_evaluator = val_evaluator
