"""The runtime for schedules that count iterations: logs and checkpoints by them."""

_base_ = './runtime.py'

default_hooks = dict(
    logger=dict(log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=2500),
)
log_processor = dict(by_epoch=False)
