"""Parameters and multiply-adds of a network, part by part."""

from collections import Counter
from copy import deepcopy
from functools import partial
from typing import Any, Dict, List, NamedTuple, Tuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmadf.engine.readouts import chosen_readout, readouts
from mmadf.utils.modes import evaluating

SINGLE = ('backbone', 'neck', 'head')


class Cost(NamedTuple):
    """What a part of a network costs."""

    parameters: int = 0
    multiply_adds: int = 0


class Phases(NamedTuple):
    """Costs by part of a network in training and of what is deployed of it."""

    trained: Dict[str, Cost]
    deployed: Dict[str, Cost]


@torch.no_grad()
def cost_by_part(model: nn.Module, image_size: Tuple[int, int]) -> Dict[str, Cost]:
    """Count parameters, and multiply-adds of one image, for each child of a network.

    Args:
        model: a network, counted in evaluation mode; of one with several readouts
            all are run.
        image_size: height and width in pixels.

    Returns:
        For each child with parameters or work, and for each mapper, its cost. Work
        is that of convolutions and matrix products, by PyTorch's counter; MMPretrain's
        tables call it FLOPs.
    """
    device = next(model.parameters()).device
    work, depth, handles = Counter(), Counter(), []
    with evaluating(model), FlopCounterMode(display=False) as counter:

        def _enter(part: str, *_: Any) -> None:
            if depth[part] == 0:
                work[part] -= counter.get_total_flops()
            depth[part] += 1

        def _leave(part: str, *_: Any) -> None:
            depth[part] -= 1
            if depth[part] == 0:
                work[part] += counter.get_total_flops()

        for name, module in model.named_modules():
            if part := _part(name):
                handles += [
                    module.register_forward_pre_hook(partial(_enter, part)),
                    module.register_forward_hook(partial(_leave, part)),
                ]
        try:
            readouts(model, torch.zeros(1, 3, *image_size, device=device))
        finally:
            for handle in handles:
                handle.remove()
    sizes = Counter()
    for name, parameter in model.named_parameters():
        sizes[_part(name) or name] += parameter.numel()
    modules = (_part(name) for name, _ in model.named_modules())
    parts = dict.fromkeys([*modules, *sizes])
    return {
        part: Cost(sizes[part], work[part] // 2)
        for part in parts
        if part and (sizes[part] or work[part])
    }


def cost_by_phase(model: nn.Module, image_size: Tuple[int, int]) -> Phases:
    """Count the parts of a network as it is trained and as it is deployed.

    Nothing is folded, so that batch norms count as those of other networks do. What
    cannot be cut is deployed whole.

    Args:
        model: a classifier; it is left as it is.
        image_size: height and width in pixels.
    """
    trained = cost_by_part(model, image_size)
    reads_semantic = chosen_readout(model) == 'semantic'
    if not (hasattr(model, 'switch_to_deploy') and reads_semantic):
        return Phases(trained, trained)
    small = deepcopy(model)
    small.switch_to_deploy(fold=False)
    return Phases(trained, cost_by_part(small, image_size))


def total_cost(parts: Dict[str, Cost], names: Tuple[str, ...] = ()) -> Cost:
    """Add up the costs of some parts, by default of all."""
    rows = [cost for part, cost in parts.items() if not names or part in names]
    return Cost(*(sum(column) for column in zip(*rows, strict=True)))


def cost_table(phases: Phases) -> List[List[str]]:
    """Return rows of text: a head, parts, their sum and, of ADF, the single network.

    Args:
        phases: one of which nothing is cut takes one column instead of two.

    Returns:
        Rows of a name, then parameters (M) and multiply-adds (G) for each column.
    """
    trained = phases.trained
    columns = phases._asdict()
    if phases.deployed == trained:
        del columns['deployed']
    rows = [['part', *(f'{name}, {unit}' for name in columns for unit in ('M', 'G'))]]
    for part in trained:
        rows.append([part, *_cells(*(column.get(part) for column in columns.values()))])
    sums = [total_cost(column) for column in columns.values()]
    rows.append(['all', *_cells(*sums)])
    if any(part.startswith('appearance') for part in trained):
        single = total_cost(trained, SINGLE)
        rows.append(['single network', *_cells(*[single] * len(columns))])
        ratios = [
            f'{ours / theirs:.3f}' if theirs else '-'
            for cost in sums
            for ours, theirs in zip(cost, single, strict=True)
        ]
        rows.append(['all / single', *ratios])
    return rows


def _part(name: str) -> str:
    """Return the child a module belongs to; each mapper is one."""
    words = name.split('.')
    return '.'.join(words[:2]) if words[0] == 'mappers' and len(words) > 1 else words[0]


def _cells(*costs: Cost) -> List[str]:
    return [
        cell
        for cost in costs
        for cell in (
            ('-', '-')
            if cost is None
            else (f'{cost.parameters / 1e6:.2f}', f'{cost.multiply_adds / 1e9:.2f}')
        )
    ]
