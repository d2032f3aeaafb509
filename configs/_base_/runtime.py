"""MMPretrain's runtime with our components, safe checkpoints and data checks."""

_base_ = ['mmpretrain::_base_/default_runtime.py', './plugin.py']

default_hooks = _base_.plugin_hooks
custom_hooks = []  # a leaf adds to them: [*_base_.custom_hooks, ...]
