"""ADF-ResNeXt-101 32x4d on ImageNet-1k under DeepSpeed ZeRO, stage 1.

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet_deepspeed.py 8
Expect: not trained by us; stage 1 not run by us at all, stage 0 started on CPUs.
Cost: as adf_resnext101_imagenet.py, momentum divided by 8.
"""

_base_ = ['./adf_resnext101_imagenet.py', '../_base_/large/deepspeed.py']

optim_wrapper = dict(type='DeepSpeedOptimWrapper')
