"""DeepSpeed ZeRO stage 1: the optimizer's state spread over the processes.

The leaf adds `optim_wrapper = dict(type='DeepSpeedOptimWrapper')`. MMEngine needs a
DeepSpeed below 0.19. ZeRO needs GPUs: of DeepSpeed 0.18.9 only stage 0 starts on CPUs.
"""

runner_type = 'ResumableFlexibleRunner'
strategy = dict(
    type='DeepSpeedStrategy',
    # ZeRO knows Adam; SGD it takes when told so.
    config=dict(zero_allow_untested_optimizer=True),
    zero_optimization=dict(stage=1),
)
