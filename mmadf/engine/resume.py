"""Checks of a checkpoint that training is resumed from."""

from typing import Dict

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model
from torch import Tensor, nn

from mmadf.utils.messages import first_names

from .config_changes import config_changes

OPTIMIZER = 'optim_wrapper.optimizer.type:'


class ResumeHook(Hook):
    """Check that a checkpoint can be resumed, by this network and with this config.

    Differences between the configs are logged. The config in the checkpoint is compared
    as text and never executed.

    Raises:
        ValueError: when the checkpoint is loaded, if it lacks the state of the
            training, as best_*.pth do, or is of another network or type of optimizer.
    """

    priority = 'VERY_LOW'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check, before the weights are copied into the network."""
        _check_state(runner, checkpoint)
        _check_tensors(get_ori_model(runner.model), checkpoint.get('state_dict', {}))
        former = checkpoint['meta'].get('cfg')
        if not isinstance(former, str):
            return
        try:
            changes = config_changes(former, runner.cfg.pretty_text)
        except ValueError as error:
            runner.logger.warning(
                f'The config in the checkpoint is not compared: {error}'
            )
            return
        other = [line for line in changes if line.startswith(OPTIMIZER)]
        if other:
            raise ValueError(
                f'{other[0]}: its state cannot be resumed; keep the optimizer, or '
                'start a new run from these weights with --cfg-options load_from=FILE.'
            )
        if changes:
            runner.logger.warning(
                'The config differs from that of the checkpoint. The learning rate and '
                'other values of the optimizer and the schedules are those of the '
                'checkpoint:\n  ' + '\n  '.join(changes)
            )


def _check_state(runner: Runner, checkpoint: dict) -> None:
    """Raise ValueError if a part of the state of the training is missing."""
    parts = ['optimizer', 'message_hub']
    if runner.param_schedulers:
        parts.append('param_schedulers')
    meta = checkpoint.get('meta') or {}
    missing = [name for name in parts if name not in checkpoint]
    missing += [f'meta.{name}' for name in ('epoch', 'iter') if name not in meta]
    if missing:
        raise ValueError(
            f'{runner._load_from} holds weights without the state of the training (no '
            f'{", no ".join(missing)}); resume from epoch_*.pth or iter_*.pth, or with '
            '--resume alone, or start a new run from these weights with --cfg-options '
            f'load_from={runner._load_from}.'
        )


def _check_tensors(model: nn.Module, weights: Dict[str, Tensor]) -> None:
    """Raise ValueError unless the weights are those of the network."""
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    given = {
        name.removeprefix('module.'): tuple(tensor.shape)
        for name, tensor in weights.items()
    }
    different = [name for name in {**own, **given} if own.get(name) != given.get(name)]
    if different:
        raise ValueError(
            f'the checkpoint is of another network: {len(different)} tensors are '
            f'missing, unexpected or of another shape ({first_names(different)}); '
            'resume with the config of its run, or start a new one with --cfg-options '
            'load_from=FILE.'
        )
