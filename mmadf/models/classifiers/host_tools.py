"""What MMPretrain's hooks and wrappers, which know one head, do to two of them."""

from typing import Tuple

import torch
from mmpretrain.models.heads import ArcFaceClsHead
from mmpretrain.models.peft.lora import LoRALinear
from torch import Tensor, nn

from mmadf.models.fusion.mapper import AppearancePath
from mmadf.models.layers.decoupled.functional import is_traced

from .requirements import check_both_heads

PARTS = (
    'backbone',
    'neck',
    'head',
    'appearance_',
    'mappers',
)  # prefixes of module names


def switch_loss(classifier: nn.Module, loss_module: nn.Module) -> None:
    """Replace the loss of both heads of an `ADFClassifier`, as of one training phase.

    Raises:
        ValueError: a head without `loss_module`, or a deployed classifier.
    """
    check_both_heads(classifier)
    heads = classifier.head, classifier.appearance_head
    for head in heads:
        if not hasattr(head, 'loss_module'):
            raise ValueError(
                f'ADFClassifier: the loss of {type(head).__name__} cannot be replaced, '
                'because it has no loss_module; remove `loss` from the schedule of '
                'SwitchRecipeHook, or use heads such as LinearClsHead.'
            )
    for head in heads:
        head.loss_module = loss_module


def check_training(classifier: nn.Module) -> None:
    """Refuse to train a classifier of which a tool has changed only a part.

    Raises:
        ValueError: LoRA has frozen mappers at their initial value of 0, or only the
            semantic head has adaptive margins.
    """
    if _is_frozen_by_lora(classifier):
        raise ValueError(
            'ADFClassifier: LoRAModel has frozen the mappers at their initial value of '
            '0, so that nothing would be fused, and its checkpoints leave them out; '
            'load a trained ADF checkpoint into the classifier first, or train it '
            'without LoRAModel.'
        )
    head, other = classifier.head, classifier.appearance_head
    are_alike = isinstance(head, ArcFaceClsHead) and isinstance(other, ArcFaceClsHead)
    if are_alike and _differ(head.margins) and not _differ(other.margins):
        raise ValueError(
            'ADFClassifier: the margins of head differ between classes and those of '
            'appearance_head do not, as after SetAdaptiveMarginsHook; use '
            "dict(type='mmadf.SetBothMarginsHook') with the same arguments, or give "
            'both heads margins per class.'
        )


def check_hooks(classifier: nn.Module) -> None:
    """Refuse to explain a prediction by layers that do not run for it.

    Tools such as MMPretrain's `vis_cam.py` set forward hooks on the layers they are
    given, and compute gradients in evaluation mode. A hook on a layer that does not run
    is never called, and the tool fails later on an empty list.

    Raises:
        ValueError: there are hooks, but none on a layer that runs.
    """
    if not torch.is_grad_enabled() or is_traced():
        return
    named = classifier.named_modules()
    hooked = [n for n, m in named if m._forward_hooks and n.startswith(PARTS)]
    running = _running(classifier)
    if hooked and not any(f'{name}.'.startswith(running) for name in hooked):
        layers = ', '.join(name[:-1] for name in running)
        raise ValueError(
            f'ADFClassifier: {hooked[0]} has a forward hook, as for a class activation '
            f'map, and does not run for readout={classifier.readout!r}; choose one of '
            f"{layers} or a layer in them, or set readout='sum', which runs all stages."
        )


def _running(classifier: nn.Module) -> Tuple[str, ...]:
    """Return prefixes of what the readout 'semantic' or 'appearance' calls."""
    appearance, read = classifier.appearance, classifier.mappers.last_source
    if classifier.readout == 'semantic':
        branch, prefix = classifier.semantic, ''
        names = [f'appearance_backbone.{name}' for name in appearance.stages.used(read)]
        names += [f'mappers.{i}' for i in range(len(classifier.mappers))]
    else:
        branch, prefix, names = appearance, 'appearance_', []
    used = branch.stages.used(branch.last_stage(), branch.out_stages)
    names += [f'{prefix}backbone.{name}' for name in used]
    return tuple(f'{name}.' for name in [*names, f'{prefix}neck', f'{prefix}head'])


def _is_frozen_by_lora(classifier: nn.Module) -> bool:
    """Return whether a path gives 0, cannot learn anything else, and LoRA is why."""
    paths = (m for m in classifier.mappers.modules() if isinstance(m, AppearancePath))
    return any(path.is_frozen_at_zero() for path in paths) and any(
        isinstance(m, LoRALinear) for m in classifier.modules()
    )


def _differ(margins: Tensor) -> bool:
    return bool((margins != margins[0]).any())
