"""One cycle of AdamW, two minutes on two CPU cores for the tiny ADF network."""

optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05))
param_scheduler = dict(
    type='OneCycleLR', eta_max=4e-3, total_steps=20 * 23, by_epoch=False
)
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=64)
