"""Schedule of a loss weight."""

import math
from typing import Callable, Dict, Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model

from mmadf.models.classifiers.checks import check_heads
from mmadf.registry import HOOKS
from mmadf.utils.arguments import check_numbers

# Losses that see labels; see `mmadf.models.classifiers.checks`.
LABEL_WEIGHTS = ('semantic_weight', 'appearance_weight')

# Fraction of the way from start to end at t in [0, 1].
CURVES: Dict[str, Callable[[float], float]] = dict(
    linear=lambda t: t, cosine=lambda t: (1 - math.cos(math.pi * t)) / 2
)


@HOOKS.register_module()
class LossWeightHook(Hook):
    """Change a loss weight of an `ADFClassifier` during training.

    Before each iteration the weight is set to start + (end - start) * c(t), where
    t = (progress - begin) / (finish - begin), clamped to [0, 1], progress is the number
    of iterations done over all iterations, and c(t) = t or (1 - cos(pi t)) / 2.

    Paper (ADF): both branches are trained with cross-entropy; loss weights are not
    given.
    Ours: the whole schedule. MMPretrain's `WarmupParamHook` only knows a linear warm-up
    from 0, counted in epochs.

    The weight is a function of the iteration alone, so that resumed runs continue as if
    they had not been interrupted. It overrides the value in the model config, is logged
    under its name and keeps its last value after training.

    Args:
        name: which weight, such as 'appearance_weight' or 'distill_weight'.
        start: weight up to `begin`, >= 0.
        end: weight from `finish` on, >= 0.
        begin: progress at which the weight starts to change, in [0, 1).
        finish: progress at which the weight reaches `end`, in (begin, 1]. With 1 the
            last iteration is still one step short of `end`.
        curve: 'linear' or 'cosine'.

    Raises:
        ValueError: a number outside its range or an unknown curve; when training
            starts, a model without this weight, heads that cannot be distilled, a
            `loss_reduction='mean'` that would divide by 0, or iterations without a loss
            that sees a label.
    """

    def __init__(
        self,
        name: str,
        start: float,
        end: float,
        begin: float = 0.0,
        finish: float = 1.0,
        curve: str = 'linear',
    ) -> None:
        owner = 'LossWeightHook'
        check_numbers(owner, ' >= 0', lambda x: x >= 0, start=start, end=end)
        check_numbers(owner, begin=begin, finish=finish)
        if not 0 <= begin < finish <= 1:
            raise ValueError(
                f'LossWeightHook: begin={begin} and finish={finish} must be '
                'fractions of training with 0 <= begin < finish <= 1.'
            )
        if curve not in CURVES:
            raise ValueError(
                f'LossWeightHook: curve={curve!r} must be one of {sorted(CURVES)}.'
            )
        self.name = name
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
        """Reject a model without this weight, or that cannot be trained with it."""
        model = get_ori_model(runner.model)
        objective = getattr(model, 'objective', None)
        names = vars(objective) if objective else ()
        weights = [name for name in names if name.endswith('_weight')]
        if self.name not in weights:
            raise ValueError(
                f'LossWeightHook: {type(model).__name__} has no loss weight '
                f'{self.name!r}, only {weights}; correct name, remove the hook, or '
                'train an ADFClassifier.'
            )
        if self.name == 'distill_weight':
            distill_weight = max(self.start, self.end)
            heads = model.head, model.appearance_head
            check_heads(*heads, model.readout, distill_weight)
        if self.name == 'semantic_weight' and objective.loss_reduction == 'mean':
            self._check_mean()
        if self.name in LABEL_WEIGHTS:
            _check_labels(runner, objective)

    def _check_mean(self) -> None:
        if min(self.start, self.end) == 0:
            raise ValueError(
                f'LossWeightHook: start={self.start} and end={self.end} of '
                "'semantic_weight' must be > 0 with loss_reduction='mean', which "
                'divides by the sum of the weights.'
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Set and log the weight of this iteration."""
        weight = self.weight(runner.iter / runner.max_iters)
        setattr(get_ori_model(runner.model).objective, self.name, weight)
        runner.message_hub.update_scalar(f'train/{self.name}', weight)


def _check_labels(runner: Runner, objective: object) -> None:
    """Require in each iteration a loss that sees a label."""
    hooks = {h.name: h for h in runner.hooks if isinstance(h, LossWeightHook)}
    last = 1 - 1 / runner.max_iters
    ends = {p for hook in hooks.values() for p in (hook.begin, hook.finish)}
    for progress in sorted({0.0, last, *(p for p in ends if p < last)}):
        weights = {
            name: hooks[name].weight(progress)
            if name in hooks
            else getattr(objective, name)
            for name in LABEL_WEIGHTS
        }
        if not any(weights.values()):
            raise ValueError(
                f'LossWeightHook: {weights} after {progress:.0%} of training leave no '
                'loss that sees a label; keep one of them > 0.'
            )
