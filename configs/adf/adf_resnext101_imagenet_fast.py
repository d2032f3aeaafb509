"""ADF-ResNeXt-101 32x4d on ImageNet-1k: bfloat16, channels-last, compiled, with EMA.

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet_fast.py 8
Expect: not trained by us.
Cost: that of adf_resnext101_imagenet.py; the time is not measured.
"""

_base_ = './adf_resnext101_imagenet.py'

optim_wrapper = dict(type='BFloat16OptimWrapper')
default_hooks = dict(
    channels_last=dict(type='ChannelsLastHook'),
    ema=dict(type='EMAHook', momentum=1e-4),
)
compile = True
