"""Initialisation of both branches of an ADF classifier from pretrained weights.

Paper (ADF), as we read its "fully self-supervised": no external pre-training. Ours: all
of this.
"""

import logging
from typing import Dict, Optional, Sequence

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmadf.utils.messages import first_names

from .checkpoint import LoadReport, load_matching, read_checkpoint

SLOTS = ('backbone', 'neck', 'head')


def load_branches(
    classifier: nn.Module,
    checkpoint: str,
    appearance_checkpoint: Optional[str] = None,
    appearance_noise: float = 0.0,
) -> Dict[str, LoadReport]:
    """Load pretrained weights into both branches and log what was loaded.

    Args:
        classifier: an initialised `ADFClassifier` or `ADFBackbone`, changed in place.
        checkpoint: path or URL for the semantic branch; see `load_branch`.
        appearance_checkpoint: for the appearance branch; None for the same one.
        appearance_noise: standard deviation, >= 0, of Gaussian noise that is added to
            the loaded weights of the appearance branch so that the branches differ.
            It is relative to the standard deviation of each weight tensor; norms and
            biases get no noise.

    Returns:
        Reports of the branches, `semantic` and `appearance`.

    Raises:
        ValueError: if the noise is negative or the model has one branch only, and see
            `load_branch`.
    """
    if not appearance_noise >= 0:
        raise ValueError(
            f'load_branches: appearance_noise={appearance_noise} must be >= 0; set 0 '
            'for none, or for instance 0.1.'
        )
    semantic = _branch(classifier, '')
    appearance = _branch(classifier, 'appearance_')
    if 'backbone' not in appearance:
        raise ValueError(
            f'load_branches: {type(classifier).__name__} has no appearance_backbone; '
            "for a single backbone set init_cfg=dict(type='Pretrained', "
            "checkpoint=..., prefix='backbone')."
        )
    appearance_checkpoint = appearance_checkpoint or checkpoint
    reports = dict(
        semantic=load_branch(semantic, checkpoint),
        appearance=load_branch(appearance, appearance_checkpoint),
    )
    _log('semantic', checkpoint, reports['semantic'])
    _log('appearance', appearance_checkpoint, reports['appearance'])
    add_noise(appearance, appearance_noise, reports['appearance'].loaded)
    return reports


def load_branch(branch: nn.ModuleDict, checkpoint: str) -> LoadReport:
    """Load one checkpoint into backbone, neck and head.

    A checkpoint of a classifier of MMPretrain fills all of them. Any other is loaded
    into the backbone only: timm's into a `TIMMBackbone`, torchvision's into
    MMPretrain's `ResNet`, or that of a backbone of MMPretrain. Tensors of another
    shape, such as those of a head for other classes, are left as initialised.

    Args:
        branch: `backbone` and, if there are any, `neck` and `head`; changed in place.
        checkpoint: path or URL, see `read_checkpoint`.

    Raises:
        ValueError: if it is a checkpoint of an ADF classifier, if nothing in it fits
            the backbone, and see `read_checkpoint`.
    """
    weights, _ = read_checkpoint(checkpoint)
    if any(name.startswith('appearance_') for name in weights):
        raise ValueError(
            f'load_branch: checkpoint={checkpoint!r} is of an ADF classifier, with '
            'weights of both branches; load it with load_from, without '
            'pretrained_branches.'
        )
    if not any(name.startswith('backbone.') for name in weights):
        weights = {f'backbone.{name}': tensor for name, tensor in weights.items()}
    own = branch.state_dict()
    weights = _without_class_position(_rename_timm(weights, own), own)
    report = load_matching(branch, weights)
    if not any(name.startswith('backbone.') for name in report.loaded):
        backbone = branch['backbone']
        raise ValueError(
            f'load_branch: checkpoint={checkpoint!r} must be of the architecture of '
            f'the backbone, {type(backbone).__name__}, whose weights are '
            f'{first_names(backbone.state_dict())}; got {first_names(weights)}.'
        )
    return report


@torch.no_grad()
def add_noise(module: nn.Module, noise: float, names: Sequence[str]) -> None:
    """Add Gaussian noise to the parameters in `names`, except norms and biases.

    Args:
        module: changed in place.
        noise: standard deviation, >= 0, relative to that of each parameter's elements.
        names: names of parameters.
    """
    for name, p in module.named_parameters():
        if noise and name in names and p.dim() > 1:
            p += noise * p.std(correction=0) * torch.randn_like(p)


def _log(branch: str, checkpoint: str, report: LoadReport) -> None:
    """Log what was loaded into a branch, as a warning if its backbone is incomplete."""
    left = [*report.missing, *report.mismatched]
    counts = []
    for slot in SLOTS:
        loaded = sum(name.startswith(f'{slot}.') for name in report.loaded)
        total = loaded + sum(name.startswith(f'{slot}.') for name in left)
        counts += [f'{slot} {loaded} of {total} tensors'] if total else []
    shapes = [f'{name} {shapes}' for name, shapes in report.mismatched.items()]
    remarks = {
        'not in the checkpoint, left as initialised': report.missing,
        'of another shape, left as initialised': shapes,
        'not used': report.unused,
    }
    lines = [f'Pretrained {branch} branch, from {checkpoint}: {", ".join(counts)}']
    lines += [f'    {what}: {first_names(x)}' for what, x in remarks.items() if x]
    partial = any(name.startswith('backbone.') for name in left)
    level = logging.WARNING if partial else logging.INFO
    print_log('\n'.join(lines), logger='current', level=level)


def _branch(classifier: nn.Module, prefix: str) -> nn.ModuleDict:
    """Return backbone, neck and head of a branch, without those that are None."""
    modules = {slot: getattr(classifier, prefix + slot, None) for slot in SLOTS}
    return nn.ModuleDict({n: m for n, m in modules.items() if m is not None})


def _without_class_position(
    weights: Dict[str, Tensor], names: Sequence[str]
) -> Dict[str, Tensor]:
    """Leave out the position of a class token that the backbone does not have.

    MMPretrain leaves it out only for images of the same size.
    """
    token, positions = 'backbone.cls_token', 'backbone.pos_embed'
    if token in weights and token not in names and positions in weights:
        weights = {**weights, positions: weights[positions][:, 1:]}
    return weights


def _rename_timm(weights: Dict[str, Tensor], names: Sequence[str]) -> Dict[str, Tensor]:
    """Return weights of timm under their names in a `TIMMBackbone`.

    The wrapper prepends `timm_model.`, and with features_only=True timm itself
    replaces the first dot of some names by an underscore.
    """
    renamed = {}
    for name, tensor in weights.items():
        inner = name.removeprefix('backbone.')
        joined = inner.replace('.', '_', 1)
        prefix = 'backbone.timm_model.'
        options = (name, prefix + inner, prefix + joined)
        renamed[next((n for n in options if n in names), name)] = tensor
    return renamed
