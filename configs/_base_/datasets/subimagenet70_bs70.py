"""Sub-ImageNet-70 (tools/dataset_converters/subimagenet70.py)."""

_base_ = './wise_srnet_bs70.py'

data_preprocessor = dict(num_classes=70)
train_dataloader = dict(dataset=dict(data_root='data/subimagenet70/train'))
val_dataloader = dict(dataset=dict(data_root='data/subimagenet70/val'))
test_dataloader = dict(dataset=dict(data_root='data/subimagenet70/test'))
