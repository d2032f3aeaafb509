"""Components of mmadf, safe checkpoints and data checks, for configs with a runtime.

For a config whose other base already brings a runtime, as MMPretrain's recipes do: two
bases must not define the same key, so the config sets
`default_hooks = _base_.plugin_hooks`. All other configs use runtime.py.
"""

custom_imports = dict(imports=['mmadf'], allow_failed_imports=False)

plugin_hooks = dict(
    checkpoint=dict(type='SafeCheckpointHook', max_keep_ckpts=3, save_best='auto'),
    check_data=dict(type='CheckDataHook'),
)
