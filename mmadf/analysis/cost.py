"""Parameters and multiply-adds of a network, part by part."""

from collections import Counter
from copy import deepcopy
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmadf.engine.readouts import chosen_readout, readouts
from mmadf.models.backbones.adf_backbone import adf_part
from mmadf.utils.modes import evaluating

SINGLE = ('backbone', 'neck', 'head')


class Cost(NamedTuple):
    """Cost of a network or of one of its parts."""

    parameters: int = 0
    multiply_adds: int = 0


@torch.no_grad()
def cost_by_part(
    model: nn.Module, image_size: Tuple[int, int], channels: int = 3
) -> Dict[str, Cost]:
    """Count the parameters of each child of a network, and its multiply-adds per image.

    PyTorch's `FlopCounterMode` counts convolutions and matrix products. MMPretrain's
    tables call multiply-adds FLOPs.

    Args:
        model: a network, counted in evaluation mode. If it has several readouts, all of
            them are computed; if it has no head, its features.
        image_size: height and width in pixels.
        channels: of the images, 1 for grey ones.

    Returns:
        The cost of each child, and of each mapper, that has parameters or computes.
    """
    device = next(model.parameters()).device
    image = torch.zeros(1, channels, *image_size, device=device)
    with evaluating(model), FlopCounterMode(display=False) as counter:
        _Readouts(model)(image)
    flops = {k: sum(ops.values()) for k, ops in counter.get_flop_counts().items()}
    work, sizes = {}, Counter()
    for name, module in model.named_modules():
        if name == _part(name):
            work[name] = _module_flops(module, f'_Readouts.model.{name}', flops)
    for name, parameter in model.named_parameters():
        sizes[_part(name)] += parameter.numel()
    return {
        part: Cost(sizes[part], work.get(part, 0) // 2)
        for part in [*work, *sizes]
        if sizes[part] or work.get(part)
    }


class _Readouts(nn.Module):
    """A network with all its readouts, called as the one root of all module names."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> object:
        """Compute the logits of every readout, or the features without a head."""
        has_head = getattr(self.model, 'with_head', True)
        return readouts(self.model, inputs) if has_head else self.model(inputs)


def _module_flops(module: nn.Module, name: str, flops: Dict[str, int]) -> int:
    """Return the FLOPs of a module, some of whose children may be called directly.

    `FlopCounterMode` adds to a module only while the module's own `forward` runs, and
    ADF runs a backbone stage by stage. The sum over the children covers these calls.
    """
    children = module.named_children()
    called = sum(_module_flops(m, f'{name}.{child}', flops) for child, m in children)
    return max(flops.get(name, 0), called)


def _part(name: str) -> Optional[str]:
    """Return the child that a module or a parameter belongs to; each mapper is one."""
    child, _, rest = name.partition('.')
    if child == 'mappers':
        child = rest and f'{child}.{rest.partition(".")[0]}'
    return child or None


def cost_by_phase(
    model: nn.Module, image_size: Tuple[int, int], channels: int = 3
) -> Dict[str, Dict[str, Cost]]:
    """Count the parts of a network as it is trained and as it is deployed.

    Batch norms are not folded, so that the counts compare with those of other networks.

    Args:
        model: a classifier, which is left unchanged.
        image_size: height and width in pixels.
        channels: of the images, 1 for grey ones.

    Returns:
        The cost of each part, 'trained' and 'deployed'; both are the same for a network
        that cannot be trimmed for deployment.
    """
    trained = cost_by_part(model, image_size, channels)
    predicts_fused = chosen_readout(model) == 'semantic'
    is_trimmed = hasattr(model, 'switch_to_deploy') and predicts_fused
    if adf_part(model) is model and not is_trimmed:
        return dict(trained=trained, deployed=trained)
    small = deepcopy(model)
    adf_part(small).switch_to_deploy(fold=False)
    return dict(trained=trained, deployed=cost_by_part(small, image_size, channels))


def total_cost(parts: Dict[str, Cost], names: Tuple[str, ...] = ()) -> Cost:
    """Add up the costs of the parts in `names`, by default of all parts."""
    costs = [cost for part, cost in parts.items() if not names or part in names]
    return Cost(*(sum(column) for column in zip(*costs, strict=True)))


def cost_table(phases: Dict[str, Dict[str, Cost]]) -> List[List[str]]:
    """Return a table of text: a header, the parts, their sum and, for ADF, its ratio.

    Args:
        phases: see `cost_by_phase`; phases of equal costs share their columns.

    Returns:
        Rows of a name followed by parameters (M) and multiply-adds (G) per phase. For
        ADF, the last rows compare with the single network, its semantic branch.
    """
    trained, columns = phases['trained'], dict(phases)
    if columns['deployed'] == trained:
        del columns['deployed']
    rows = [['part', *(f'{name}, {unit}' for name in columns for unit in ('M', 'G'))]]
    for part in trained:
        rows.append([part, *_cells(column.get(part) for column in columns.values())])
    totals = [total_cost(column) for column in columns.values()]
    rows.append(['all', *_cells(totals)])
    if any(part.startswith('appearance') for part in trained):
        single = total_cost(trained, SINGLE)
        rows.append(['single network', *_cells([single] * len(columns))])
        counts = [pair for cost in totals for pair in zip(cost, single, strict=True)]
        ratios = [f'{count / of_single:.3f}' for count, of_single in counts]
        rows.append(['all / single', *ratios])
    return rows


def _cells(costs: Iterable[Optional[Cost]]) -> List[str]:
    """Format parameters and multiply-adds; a phase may lack the part."""
    cells = []
    for cost in costs:
        scaled = (cost.parameters / 1e6, cost.multiply_adds / 1e9) if cost else ()
        cells += [f'{count:.2f}' for count in scaled] or ['-', '-']
    return cells
