"""Hooks of every training: safe checkpoints, and checks of data and losses."""

from typing import Optional, Type, Union

from mmengine.config import Config
from mmengine.hooks import CheckpointHook, Hook, LoggerHook
from mmengine.logging import print_log

from mmadf.registry import HOOKS

ADDED = dict(
    check_data='mmadf.CheckDataHook',
    check_loss='mmadf.CheckLossHook',
    worker_seed='mmadf.WorkerSeedHook',
)
# Fields of CheckpointHook for files outside of the work directory.
STORAGE = ('out_dir', 'backend_args', 'file_client_args')


def complete_hooks(cfg: Config) -> None:
    """Add the hooks that a training needs to stop and to resume safely.

    MMEngine's `CheckpointHook` becomes `SafeCheckpointHook` with the same arguments,
    except for checkpoints outside of the work directory, which cause a warning. The
    hooks of `ADDED` join those that the config has; None in their field of
    `default_hooks` leaves one out. A field without `type`, as an option of the command
    line makes, has the arguments of the hook that is added. In training by iterations,
    `LoggerHook` logs validations with their iteration.

    Args:
        cfg: config of a training, whose `default_hooks` are modified in place.
    """
    if cfg.get('default_hooks') is None:
        cfg.default_hooks = {}
    hooks = cfg.default_hooks
    hooks.setdefault('checkpoint', dict(interval=1))
    for name, kind in dict(checkpoint='CheckpointHook', **ADDED).items():
        if isinstance(hooks.get(name), dict):
            hooks[name].setdefault('type', kind)
    _make_safe(hooks['checkpoint'])
    if 'max_iters' in (cfg.get('train_cfg') or {}):
        hooks.setdefault('logger', dict(type='LoggerHook'))
        if _type_of(hooks['logger']) is LoggerHook:
            hooks['logger'].setdefault('log_metric_by_epoch', False)
    present = [*hooks.values(), *(cfg.get('custom_hooks') or ())]
    types = tuple(filter(None, map(_type_of, present)))
    for name, kind in ADDED.items():
        if name in hooks and hooks[name] is None:
            del hooks[name]
        elif not any(issubclass(other, HOOKS.get(kind)) for other in types):
            hooks.setdefault(name, dict(type=kind))


def _make_safe(hook: Optional[dict]) -> None:
    """Replace the type of MMEngine's CheckpointHook in its config."""
    if _type_of(hook) is not CheckpointHook:
        return
    given = [name for name in STORAGE if hook.get(name)]
    if given:
        print_log(
            f'default_hooks.checkpoint.{given[0]}={hook[given[0]]!r}: CheckpointHook '
            'writes checkpoints outside of the work directory, which a crash may '
            'damage, and --resume and --overwrite do not find; remove this field for '
            'SafeCheckpointHook.'
        )
    else:
        hook['type'] = 'mmadf.SafeCheckpointHook'


def _type_of(hook: Union[dict, Hook, None]) -> Optional[Type[Hook]]:
    """Return the class of a hook, or None if there is no hook or no such class."""
    if not isinstance(hook, dict):
        return type(hook) if isinstance(hook, Hook) else None
    kind = hook.get('type')
    found = HOOKS.get(kind) if isinstance(kind, str) else kind
    return found if isinstance(found, type) else None
