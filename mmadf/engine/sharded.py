"""Weights, gradients and optimizer spread over the processes, and resumed."""

import re
from typing import Callable, Optional, Sequence

import mmengine
from mmengine._strategy import DDPStrategy
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import STRATEGIES
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from mmengine.runner.checkpoint import save_checkpoint
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

# Whole tensors under plain names, on the CPU of the first process.
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


@STRATEGIES.register_module()
class FullyShardStrategy(DDPStrategy):
    """Data parallel training that shards all state, for MMEngine's FlexibleRunner.

    PyTorch's `fully_shard` (FSDP2). Each process keeps its part of every weight,
    gradient and optimizer state; a unit's weights are gathered while it computes.
    MMEngine's own `FSDPStrategy` trains too, but cannot resume: it hands
    `FSDP.optim_state_dict_to_load` its arguments in the order of PyTorch 2.0, so
    that every later PyTorch ends with a TypeError.

    A checkpoint is one file of whole tensors: its weights load anywhere, as into
    `tools/test.py`, and training resumes from it with any number of processes, but
    only under this strategy. Loading, each process holds all of it in main memory.

    Args:
        units: names of the modules that are gathered one at a time, as
            'backbone.layer3'; the rest is gathered for the whole step. A unit must
            be called as a module, by its `forward`. None saves memory only in the
            optimizer.
        activation_checkpointing: names of modules whose activations are computed
            again in the backward pass instead of being kept; batch norms in them
            count each batch twice in their running statistics.
        kwargs: arguments of MMEngine's `DDPStrategy` but `model_wrapper`.

    Raises:
        ValueError: a single process, a model wrapper, or a module that is missing.
    """

    def __init__(
        self,
        *,
        units: Sequence[str] = (),
        activation_checkpointing: Sequence[str] = (),
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if self.model_wrapper is not None:
            raise ValueError(
                f'FullyShardStrategy: model_wrapper={self.model_wrapper!r} is not '
                'used, since nothing is wrapped; leave it out.'
            )
        if not self.distributed:
            raise ValueError(
                "FullyShardStrategy: launcher='none' starts one process, with nothing "
                'to share; use tools/dist_train.sh, or leave runner_type and strategy '
                'out.'
            )
        self.units = list(units)
        self.activation_checkpointing = list(activation_checkpointing)

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        model = self.convert_model(model)
        units = [_module(model, name, 'units') for name in self.units]
        for name in self.activation_checkpointing:
            _module(model, name, 'activation_checkpointing')
        turn_on_activation_checkpointing(model, self.activation_checkpointing)

        device = get_device()
        for module in model.modules():
            if isinstance(module, BaseDataPreprocessor):
                module.to(device)
        mesh = init_device_mesh(device, (self.world_size,))
        for unit in units:
            fully_shard(unit, mesh=mesh)
        return fully_shard(model, mesh=mesh)

    def model_state_dict(self) -> dict:
        """Return all weights in the first process, nothing in the others."""
        return get_model_state_dict(self.model, options=WHOLE)

    def optim_state_dict(self) -> dict:
        """Return the optimizer's state by weight in the first process.

        What the optimizer wrapper adds to it is there in every process.
        """
        wrapper = self.optim_wrapper
        own = get_optimizer_state_dict(self.model, wrapper.optimizer, options=WHOLE)
        added = set(wrapper.state_dict()) - {'state', 'param_groups'}
        return {**own, **{key: wrapper.state_dict()[key] for key in sorted(added)}}

    def load_model_state_dict(
        self,
        state_dict: dict,
        *,
        strict: bool = False,
        revise_keys: Sequence[tuple] = ((r'^module.', ''),),
    ) -> None:
        """Give each process its part of whole weights.

        Args:
            state_dict: weights by name, as of any checkpoint.
            strict: whether missing and unknown names are an error.
            revise_keys: (pattern, replacement) pairs applied to the names.
        """
        for pattern, replacement in revise_keys:
            state_dict = {
                re.sub(pattern, replacement, k): v for k, v in state_dict.items()
            }
        options = StateDictOptions(full_state_dict=True, strict=strict)
        result = set_model_state_dict(self.model, state_dict, options=options)
        if any(result):
            self.logger.warning(f'Weights that do not match: {result}')

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Give each process its part of the optimizer's state.

        Args:
            state_dict: as `optim_state_dict` returned it in the first process.

        Raises:
            ValueError: the state was saved by another strategy.
        """
        names = [name for g in state_dict['param_groups'] for name in g['params']]
        if not all(isinstance(name, str) for name in names):
            raise ValueError(
                'FullyShardStrategy: the checkpoint holds the optimizer of another '
                'strategy; resume with that one, or start anew from its weights: '
                '--cfg-options load_from=<checkpoint>.'
            )
        wrapper = self.optim_wrapper
        own = {key: state_dict.pop(key) for key in ('state', 'param_groups')}
        options = StateDictOptions(full_state_dict=True)
        set_optimizer_state_dict(self.model, wrapper.optimizer, own, options=options)
        wrapper.load_state_dict({**wrapper.optimizer.state_dict(), **state_dict})

    def resume(self, filename: str, **kwargs) -> dict:
        """Go on from a checkpoint, read into main memory.

        Args:
            filename: checkpoint of this strategy.
            kwargs: choices of MMEngine's `DDPStrategy`; `map_location` is not one.
        """
        return super().resume(filename, **{**kwargs, 'map_location': 'cpu'})

    def save_checkpoint(
        self,
        filename: str,
        *,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        extra_ckpt: Optional[dict] = None,
        callback: Optional[Callable] = None,
    ) -> None:
        """Gather everything in the first process, which writes it in one step.

        Args:
            filename: where, in a local folder.
            save_optimizer: whether to save the optimizer, needed for resuming.
            save_param_scheduler: whether to save the schedules, likewise.
            extra_ckpt: what else to save, by name.
            callback: changes the checkpoint in the first process before it is saved.
        """
        checkpoint = dict(state_dict=self.model_state_dict())
        if save_optimizer and hasattr(self, 'optim_wrapper'):
            checkpoint['optimizer'] = self.optim_state_dict()
        if not is_main_process():
            return
        if save_param_scheduler and hasattr(self, 'param_schedulers'):
            checkpoint['param_schedulers'] = self.scheduler_state_dict()
        checkpoint.update(extra_ckpt or {})
        meta = dict(seed=self.seed, mmengine=mmengine.__version__)
        checkpoint['meta'] = {**checkpoint.get('meta', {}), **meta}
        if callback is not None:
            callback(checkpoint)
        save_checkpoint(checkpoint, filename, backend_args=dict(backend='atomic'))


def _module(model: nn.Module, name: str, argument: str) -> nn.Module:
    """Return the module called `name`, which `argument` asks for."""
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        children = ', '.join(child for child, _ in model.named_children())
        raise ValueError(
            f'FullyShardStrategy: {argument} names {name!r}, which the model does not '
            f'have; its modules are {children} and those inside them.'
        ) from error
