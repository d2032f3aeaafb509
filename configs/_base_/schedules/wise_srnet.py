"""SGD as Wise-SrNet trains: 0.045, times 0.94 every second epoch, no weight decay.

For 70 images a step on one device. How many epochs depends on the data set. Keras
counts steps, floor(images / 70) an epoch, where an epoch has one step more when images
are left over; here the rate falls with the epoch itself.
"""

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.045, momentum=0.9, nesterov=False, weight_decay=0)
)
param_scheduler = dict(type='StepLR', by_epoch=True, step_size=2, gamma=0.94)
train_cfg = dict(by_epoch=True, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=70)
