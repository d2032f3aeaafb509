"""MMPretrain's runtime with our components, safe checkpoints and data checks."""

_base_ = 'mmpretrain::_base_/default_runtime.py'

custom_imports = dict(imports=['mmadf'], allow_failed_imports=False)

default_hooks = dict(
    checkpoint=dict(type='SafeCheckpointHook', max_keep_ckpts=3, save_best='auto')
)
custom_hooks = [dict(type='CheckDataHook')]
