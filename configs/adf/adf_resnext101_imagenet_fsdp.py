"""ADF-ResNeXt-101 32x4d on ImageNet-1k, sharded by stage, in bfloat16.

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet_fsdp.py 8
Expect: not trained by us. Cost: as adf_resnext101_imagenet.py, state divided by 8.
"""

_base_ = ['./adf_resnext101_imagenet.py', '../_base_/large/fsdp.py']

branches = ('backbone', 'appearance_backbone')
strategy = dict(units=[f'{b}.layer{i}' for b in branches for i in (1, 2, 3, 4)])
optim_wrapper = dict(type='BFloat16OptimWrapper')
