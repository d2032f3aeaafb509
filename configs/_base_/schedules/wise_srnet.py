"""SGD as in Wise-SrNet: learning rate 0.045, times 0.94 every two epochs, no weight decay.

For a batch of 70 images on one device. The data set determines the number of epochs.
Keras decays by steps, floor(images / 70) per epoch, although an epoch has one step more
when images are left over; here, the learning rate decays by epochs.
"""

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.045, momentum=0.9, nesterov=False, weight_decay=0)
)
param_scheduler = dict(type='StepLR', by_epoch=True, step_size=2, gamma=0.94)
train_cfg = dict(by_epoch=True, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=70)
