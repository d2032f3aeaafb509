"""Adam with 2 epochs of warm-up and 38 of cosine decay: small networks converge.

The weight decay of 5e-4 is part of the loss, as in wy1iu/DCNets.
"""

optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3, weight_decay=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=2, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=38,
        eta_min=1e-6,
        begin=2,
        end=40,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(by_epoch=True, max_epochs=40, val_interval=2)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=64)
