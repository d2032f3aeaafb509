"""Runtime for schedules in iterations, with logs and checkpoints in iterations."""

_base_ = './runtime.py'

default_hooks = dict(
    logger=dict(log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=2500),
)
log_processor = dict(by_epoch=False)
