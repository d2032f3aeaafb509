"""Adaptive margins for both heads of an ADF classifier."""

from mmengine.runner import Runner
from mmpretrain.engine import SetAdaptiveMarginsHook
from mmpretrain.utils import get_ori_model

from mmadf.registry import HOOKS


@HOOKS.register_module()
class SetBothMarginsHook(SetAdaptiveMarginsHook):
    """MMPretrain's `SetAdaptiveMarginsHook` for two heads, `ArcFaceClsHead` each.

    The host's hook sets the margins of `head` only. The arguments are the same.

    Raises:
        ValueError: when training starts, if a head is no `ArcFaceClsHead`.
    """

    def before_train(self, runner: Runner) -> None:
        """Set the margins of both heads from the number of images per class."""
        super().before_train(runner)
        model = get_ori_model(runner.model)
        other = getattr(model, 'appearance_head', None)
        if not hasattr(other, 'set_margins'):
            raise ValueError(
                f'SetBothMarginsHook: appearance_head={type(other).__name__} must be '
                'an ArcFaceClsHead; use SetAdaptiveMarginsHook for networks with one '
                'head.'
            )
        other.set_margins(model.head.margins.tolist())
