"""Schedule of the appearance loss weight."""

import math
from typing import Callable, Dict, Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model

from mmadf.registry import HOOKS

# Fraction of the way from start to end at t in [0, 1].
CURVES: Dict[str, Callable[[float], float]] = dict(
    linear=lambda t: t, cosine=lambda t: (1 - math.cos(math.pi * t)) / 2
)


@HOOKS.register_module()
class AppearanceWeightHook(Hook):
    """Anneal the `appearance_weight` of an `ADFClassifier` during training.

    Before each iteration the weight is set to start + (end - start) * c(t), where
    t = (progress - begin) / (finish - begin), clamped to [0, 1], progress is the number
    of iterations done over all iterations, and c(t) = t or (1 - cos(pi t)) / 2.

    Paper (ADF): both branches are trained with cross-entropy; loss weights are not
    given.
    Ours: the whole schedule. MMPretrain's `WarmupParamHook` only knows a linear warm-up
    from 0, counted in epochs.

    The weight is a function of the iteration alone, so that resumed runs continue as if
    they had not been interrupted. It overrides the value in the model config, is logged
    as `appearance_weight` and keeps its last value after training.

    Args:
        start: weight up to `begin`, >= 0.
        end: weight from `finish` on, >= 0.
        begin: progress at which the weight starts to change, in [0, 1).
        finish: progress at which the weight reaches `end`, in (begin, 1]. With 1 the
            last iteration is still one step short of `end`.
        curve: 'linear' or 'cosine'.

    Raises:
        ValueError: a number outside its range or an unknown curve; when training
            starts, a model without `appearance_weight`.
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
                'fractions of training with 0 <= begin < finish <= 1.'
            )
        if curve not in CURVES:
            raise ValueError(
                f'AppearanceWeightHook: curve={curve!r} must be one of '
                f'{sorted(CURVES)}.'
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
        """Reject a model without an objective that has `appearance_weight`."""
        model = get_ori_model(runner.model)
        if not hasattr(getattr(model, 'objective', None), 'appearance_weight'):
            raise ValueError(
                f'AppearanceWeightHook: {type(model).__name__} has no '
                'objective.appearance_weight; remove the hook, or train an '
                'ADFClassifier.'
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Set and log the weight of this iteration."""
        weight = self.weight(runner.iter / runner.max_iters)
        get_ori_model(runner.model).objective.appearance_weight = weight
        runner.message_hub.update_scalar('train/appearance_weight', weight)
