"""MIT Indoor 67 at 512 pixels (tools/dataset_converters/mit67.py)."""

_base_ = './wise_srnet_bs15_512.py'

data_preprocessor = dict(num_classes=67)
train_dataloader = dict(dataset=dict(data_root='data/mit67/train'))
val_dataloader = dict(dataset=dict(data_root='data/mit67/val'))
test_dataloader = dict(dataset=dict(data_root='data/mit67/test'))
