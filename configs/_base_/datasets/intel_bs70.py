"""Intel Image Classification, 6 classes (tools/dataset_converters/intel.py)."""

_base_ = './wise_srnet_bs70.py'

data_preprocessor = dict(num_classes=6)
train_dataloader = dict(dataset=dict(data_root='data/intel/train'))
val_dataloader = dict(dataset=dict(data_root='data/intel/val'))
test_dataloader = dict(dataset=dict(data_root='data/intel/test'))
