"""Stop training when the loss is no number any more."""

import math
from typing import Optional

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmadf.registry import HOOKS

ADVICE = (
    'Continue with --resume, with clipped gradients (optim_wrapper.clip_grad) or in '
    'float32, or start a new run with a lower learning rate.'
)


@HOOKS.register_module()
class CheckLossHook(Hook):
    """Stop training at the first loss that is NaN or infinite.

    Raises:
        FloatingPointError: after such an iteration, before a checkpoint is written; the
            message names the iteration, the losses and the last checkpoint.
    """

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Optional[dict] = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Check the losses, which MMEngine has copied to the CPU for its log."""
        losses = {
            name: float(torch.as_tensor(value).detach())
            for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        if all(map(math.isfinite, losses.values())):
            return
        values = ', '.join(f'{name}={value:.4g}' for name, value in losses.items())
        last = runner.message_hub.get_info('last_ckpt') or 'none'
        raise FloatingPointError(
            f'{values} at iteration {runner.iter + 1} (epoch {runner.epoch + 1}); last '
            f'checkpoint: {last}. {ADVICE}'
        )
