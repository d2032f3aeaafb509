"""ADF-ResNeXt-101 32x4d on ImageNet-1k where memory is short: 4 x 8 images a step.

Run: bash tools/dist_train.sh configs/adf/adf_resnext101_imagenet_lowmem.py 8
Expect: not trained by us; batch norms see 8 images, those recomputed see them twice.
Cost: as adf_resnext101_imagenet.py, and the forward pass of both stages 3 again.
"""

_base_ = './adf_resnext101_imagenet.py'

train_dataloader = dict(batch_size=8)
optim_wrapper = dict(accumulative_counts=4)
activation_checkpointing = ['backbone.layer3', 'appearance_backbone.layer3']
