"""SGD for 700,000 iterations of 40 images, the schedule of ResNet-18 in wy1iu/DCNets.

The weight decay is 1e-4. Networks without decoupled layers decay all parameters; those
with decoupled layers exclude these layers, see configs/decoupled.
"""

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4)
)
param_scheduler = dict(
    type='MultiStepLR', by_epoch=False, milestones=[200000, 375000, 550000], gamma=0.1
)
train_cfg = dict(by_epoch=False, max_iters=700000, val_interval=4000)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=40)
