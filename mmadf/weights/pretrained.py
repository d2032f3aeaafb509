"""Both branches of an ADF classifier start from pretrained weights.

Paper (ADF): trained from scratch. Ours: all of this.
"""

import logging
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from .checkpoint import SlotReport, as_named, first, load_weights, read_weights

SLOTS = ('backbone', 'neck', 'head')


class BranchReport(NamedTuple):
    """What a checkpoint gave to one branch."""

    checkpoint: str
    slots: Dict[str, SlotReport]
    unused: Tuple[str, ...]  # in the checkpoint, of none of the slots


def load_branches(
    classifier: nn.Module,
    checkpoint: str,
    appearance_checkpoint: Optional[str] = None,
    appearance_noise: float = 0.0,
) -> Dict[str, BranchReport]:
    """Load pretrained weights into both branches; log what was loaded.

    Args:
        classifier: an `ADFClassifier`, initialised, changed in place.
        checkpoint: path or URL, for the semantic branch; see `load_branch`.
        appearance_checkpoint: for the appearance branch, None for the same one.
        appearance_noise: makes the branches differ: Gaussian noise is added to the
            loaded parameters of more than one dimension of the appearance branch (not
            to norms and biases). Its standard deviation, >= 0, is relative to that of
            the elements of each parameter.

    Returns:
        Reports of the branches, `semantic` and `appearance`.

    Raises:
        ValueError: negative noise, a model of one branch, and see `load_branch`.
    """
    if not appearance_noise >= 0:
        raise ValueError(
            f'load_branches: appearance_noise={appearance_noise} must be >= 0; 0 adds '
            'none, 0.1 a tenth of the deviation of each weight.'
        )
    semantic, appearance = _slots(classifier, ''), _slots(classifier, 'appearance_')
    if 'backbone' not in appearance:
        raise ValueError(
            f'load_branches: {type(classifier).__name__} has no appearance_backbone; '
            "give a single backbone init_cfg=dict(type='Pretrained', checkpoint=..., "
            "prefix='backbone')."
        )
    reports = dict(
        semantic=load_branch(semantic, checkpoint),
        appearance=load_branch(appearance, appearance_checkpoint or checkpoint),
    )
    for slot, report in reports['appearance'].slots.items():
        add_noise(appearance[slot], appearance_noise, report.loaded)
    backbones = [report.slots['backbone'] for report in reports.values()]
    whole = all(len(slot.loaded) == slot.tensors for slot in backbones)
    level = logging.INFO if whole else logging.WARNING
    print_log(report_table(reports), logger='current', level=level)
    return reports


def load_branch(modules: Dict[str, nn.Module], checkpoint: str) -> BranchReport:
    """Load one checkpoint into backbone, neck and head.

    From a checkpoint of MMPretrain, with names `backbone.*`, `neck.*` and `head.*`,
    each module takes its own. Any other is taken for a backbone's: timm's for a
    `TIMMBackbone`, torchvision's for MMPretrain's `ResNet`, or a backbone's of
    MMPretrain; its classifier is not used. Tensors of another shape, as those of a
    head for other classes, are left as initialised.

    Args:
        modules: by slot, with `backbone`, and `neck` and `head` where there are any;
            changed in place.
        checkpoint: path or URL, see `read_weights`.

    Raises:
        ValueError: nothing fits the backbone, and see `read_weights`.
    """
    weights = read_weights(checkpoint)
    parts, unused = _split(weights, list(modules))
    backbone = modules['backbone']
    parts['backbone'] = as_named(parts['backbone'], backbone.state_dict())
    slots = dict(backbone=load_weights(backbone, parts['backbone']))
    if not slots['backbone'].loaded:
        raise ValueError(
            f'load_branch: nothing of checkpoint={checkpoint!r} fits the backbone: it '
            f'has {first(weights)}; {type(backbone).__name__} expects '
            f'{first(backbone.state_dict())}. Give a checkpoint of this architecture.'
        )
    for slot, module in modules.items():
        if slot != 'backbone':
            slots[slot] = load_weights(module, parts.get(slot, {}))
    return BranchReport(checkpoint, slots, unused)


@torch.no_grad()
def add_noise(module: nn.Module, noise: float, names: Sequence[str]) -> None:
    """Add Gaussian noise to the parameters of more than one dimension among `names`.

    Args:
        module: changed in place.
        noise: standard deviation, >= 0, relative to that of each parameter's elements.
        names: of parameters; others are left alone.
    """
    for name, p in module.named_parameters():
        if noise and name in names and p.dim() > 1:
            p += noise * p.std(correction=0) * torch.randn_like(p)


def report_table(reports: Dict[str, BranchReport]) -> str:
    """Return reports as text: one line for each module with tensors, and remarks."""
    lines = ['Pretrained weights: tensors loaded, million parameters loaded']
    for branch, report in reports.items():
        lines.append(f'{branch} branch, from {report.checkpoint}')
        for slot, part in report.slots.items():
            tensors = f'{len(part.loaded)} of {part.tensors}'
            loaded = f'{part.parameters_loaded / 1e6:.3f}'
            total = f'{part.parameters / 1e6:.3f}'
            if part.tensors:
                lines.append(f'  {slot:8}  {tensors:>12}  {loaded:>8} of {total}')
            lines += _remarks(slot, part)
        if report.unused:
            lines.append(f'  not used: {first(report.unused)}')
    return '\n'.join(lines)


def _remarks(slot: str, part: SlotReport) -> List[str]:
    """Return lines on what was left as initialised and what was not used."""
    shapes = [f'{name} {shapes}' for name, shapes in part.other_shape.items()]
    told = {
        'as initialised, not in the checkpoint': part.missing,
        'as initialised, other shape': shapes,
        'not used': part.unused,
    }
    return [
        f'    {slot}: {what}: {first(names)}' for what, names in told.items() if names
    ]


def _slots(classifier: nn.Module, prefix: str) -> Dict[str, nn.Module]:
    """Return the modules of a branch by slot, without those that are None."""
    modules = {slot: getattr(classifier, prefix + slot, None) for slot in SLOTS}
    return {slot: module for slot, module in modules.items() if module is not None}


def _split(
    weights: Dict[str, Tensor], slots: List[str]
) -> Tuple[Dict[str, Dict[str, Tensor]], Tuple[str, ...]]:
    """Return the weights of each slot by their names in it, and names of no slot."""
    if not any(name.startswith('backbone.') for name in weights):
        return dict(backbone=weights), ()
    parts: Dict[str, Dict[str, Tensor]] = {slot: {} for slot in slots}
    unused = []
    for name, tensor in weights.items():
        slot, _, inner = name.partition('.')
        if slot in parts:
            parts[slot][inner] = tensor
        else:
            unused.append(name)
    return parts, tuple(unused)
