"""MMPretrain's runtime with the components, checkpoints and checks of mmadf."""

_base_ = ['mmpretrain::_base_/default_runtime.py', './plugin.py']

default_hooks = _base_.plugin_hooks
custom_hooks = []  # leaves extend it: [*_base_.custom_hooks, ...]
