"""The weight of the appearance loss changes while training goes on."""

import math
from typing import Callable, Dict, Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmadf.engine.unwrap import unwrap
from mmadf.registry import HOOKS

# How much of the way from start to end is done at t in [0, 1].
CURVES: Dict[str, Callable[[float], float]] = dict(
    linear=lambda t: t, cosine=lambda t: (1 - math.cos(math.pi * t)) / 2
)


@HOOKS.register_module()
class AppearanceWeightHook(Hook):
    """Anneal the `appearance_weight` of an `ADFClassifier` over training.

    Before each iteration the weight is set to start + (end - start) * c(t), with
    t = (progress - begin) / (finish - begin) held in [0, 1], progress = iterations
    done / all iterations, c(t) = t or (1 - cos(pi t)) / 2.

    Paper (ADF): both branches are trained with cross-entropy; weights are not told.
    Ours: all of this. The nearest of the host, `WarmupParamHook` of MMPretrain, knows
    only a rise from 0 by epochs.

    The weight depends on the iteration alone, so that a resumed run continues as if
    never interrupted. What the model config says is overwritten, and the last value
    stays after training. It is logged as `appearance_weight` beside the losses.

    Args:
        start: weight up to `begin`, >= 0.
        end: weight from `finish` on, >= 0.
        begin: progress at which it leaves `start`, in [0, 1).
        finish: progress at which it reaches `end`, in (begin, 1]. With 1 the last
            iteration still is one step away from `end`.
        curve: 'linear' or 'cosine'.

    Raises:
        ValueError: a number outside its range or an unknown curve; when training
            begins, a model without `appearance_weight`.
    """

    def __init__(
        self,
        start: float,
        end: float,
        begin: float = 0.0,
        finish: float = 1.0,
        curve: str = 'linear',
    ) -> None:
        if not (start >= 0 and end >= 0):
            raise ValueError(
                f'AppearanceWeightHook: start={start} and end={end} must be >= 0.'
            )
        if not 0 <= begin < finish <= 1:
            raise ValueError(
                f'AppearanceWeightHook: begin={begin} and finish={finish} must be '
                'fractions of training, 0 <= begin < finish <= 1.'
            )
        if curve not in CURVES:
            raise ValueError(
                f'AppearanceWeightHook: curve={curve!r} is none of {sorted(CURVES)}.'
            )
        self.start = start
        self.end = end
        self.begin = begin
        self.finish = finish
        self.curve = CURVES[curve]

    def weight(self, progress: float) -> float:
        """Return the weight at a progress in [0, 1]."""
        t = (progress - self.begin) / (self.finish - self.begin)
        return self.start + (self.end - self.start) * self.curve(min(max(t, 0.0), 1.0))

    def before_train(self, runner: Runner) -> None:
        """Refuse a model without an objective that has `appearance_weight`."""
        model = unwrap(runner.model)
        if not hasattr(getattr(model, 'objective', None), 'appearance_weight'):
            raise ValueError(
                f'AppearanceWeightHook: {type(model).__name__} has no '
                'objective.appearance_weight; leave the hook out, or train an '
                'ADFClassifier.'
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Set and log the weight of this iteration."""
        objective = unwrap(runner.model).objective
        objective.appearance_weight = self.weight(runner.iter / runner.max_iters)
        runner.message_hub.update_scalar(
            'train/appearance_weight', objective.appearance_weight
        )
