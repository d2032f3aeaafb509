"""ADF-ResNeXt-101 32x4d on ImageNet-1k for little memory: 4 x 8 images per step.

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet_lowmem.py 8
Expect: not trained by us. Batch norm statistics are those of 8 images, and recomputed
    layers update their running statistics twice per step.
Cost: that of adf_resnext101_imagenet.py plus a second forward pass of both third
    stages (activation checkpointing).
"""

_base_ = './adf_resnext101_imagenet.py'

train_dataloader = dict(batch_size=8)
optim_wrapper = dict(accumulative_counts=4)
activation_checkpointing = ['backbone.layer3', 'appearance_backbone.layer3']
