"""Adam for 42,500 iterations of 128 images, as wy1iu/DCNets trains its ResNet-32.

A weight decay of 5e-4, in the loss as there. Networks without decoupled layers decay
throughout; those with them only elsewhere, see configs/decoupled. Their batch norms
average over 1,000 iterations: validations before about the 3,000th mean little.
"""

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, weight_decay=5e-4))
param_scheduler = dict(
    type='MultiStepLR', by_epoch=False, milestones=[20000, 30000, 37500], gamma=0.1
)
train_cfg = dict(by_epoch=False, max_iters=42500, val_interval=500)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=128)
