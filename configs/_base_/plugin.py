"""What every training has from us: our components, safe checkpoints, data checks.

For configs whose other base brings a runtime, as MMPretrain's recipes do, since no two
bases may have the same key: `default_hooks = _base_.plugin_hooks`. The others take
runtime.py.
"""

custom_imports = dict(imports=['mmadf'], allow_failed_imports=False)

plugin_hooks = dict(
    checkpoint=dict(type='SafeCheckpointHook', max_keep_ckpts=3, save_best='auto'),
    check_data=dict(type='CheckDataHook'),
)
