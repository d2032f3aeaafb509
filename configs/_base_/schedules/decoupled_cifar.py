"""Adam for 42,500 iterations of 128 images, the schedule of ResNet-32 in wy1iu/DCNets.

The weight decay of 5e-4 is part of the loss, as there. Networks without decoupled
layers decay all parameters; those with decoupled layers exclude these layers, see
configs/decoupled. Batch norm statistics average over 1,000 iterations, so that
validation accuracy means little before about iteration 3,000.
"""

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, weight_decay=5e-4))
param_scheduler = dict(
    type='MultiStepLR', by_epoch=False, milestones=[20000, 30000, 37500], gamma=0.1
)
train_cfg = dict(by_epoch=False, max_iters=42500, val_interval=500)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=128)
