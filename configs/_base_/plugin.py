"""Components, safe checkpoints and checks of mmadf, for every training run.

For configs whose other base already contains a runtime, such as MMPretrain's recipes: two
bases must not define the same key, so these set `default_hooks = _base_.plugin_hooks`.
Other configs inherit runtime.py.
"""

custom_imports = dict(imports=['mmadf'], allow_failed_imports=False)

plugin_hooks = dict(
    checkpoint=dict(type='SafeCheckpointHook', max_keep_ckpts=3, save_best='auto'),
    check_data=dict(type='CheckDataHook'),
    check_loss=dict(type='CheckLossHook'),
    worker_seed=dict(type='WorkerSeedHook'),
)
