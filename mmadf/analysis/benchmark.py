"""Time and memory of several networks, as ratios to the first of them."""

import time
from collections import defaultdict
from functools import partial
from statistics import median
from typing import Any, Callable, Collection, Dict, Sequence

import torch
from torch import Tensor, nn

from mmadf.utils.optional import import_optional

TIMES = ('forward', 'training step')
MEMORY = ('saved activations', 'training memory')
KINDS = TIMES + MEMORY


def compare(
    models: Dict[str, nn.Module],
    inputs: Any,
    repeats: int,
    title: str = '',
    kinds: Sequence[str] = KINDS,
) -> Dict[str, Dict[str, float]]:
    """Measure networks interleaved, in one run.

    A training step is a forward pass, a backward pass, and SGD with momentum and
    learning rate 0. The order of the networks rotates from round to round, and ratios
    are taken within a round, so that other load on the machine affects all networks
    alike.

    Args:
        models: networks by name, on one device; the first is the reference.
        inputs: the one argument of their forward pass.
        repeats: number of measured rounds, > 0; one more warms up.
        title: label of the progress bar.
        kinds: what to measure, of `KINDS`, in this order; inference comes first, before
            training fills the memory allocator.

    Returns:
        For each network and kind the ratio to the first network, for times the median
        over rounds, and for each time also its median in seconds, as 'forward (s)'.
    """
    measures = {name: _measures(model, inputs) for name, model in models.items()}
    rounds = [
        (kind, index)
        for kind in kinds
        for index in range(repeats + 1 if kind in TIMES else 1)
    ]
    order, measured = list(models), defaultdict(list)
    for kind, index in import_optional('tqdm').tqdm(rounds, desc=title, leave=False):
        order = order[1:] + order[:1]
        for name in order:
            models[name].train(kind != 'forward')
            value = measures[name][kind]()
            if index > 0 or kind in MEMORY:
                measured[name, kind].append(value)
    result = {name: {} for name in models}
    for (name, kind), values in measured.items():
        pairs = zip(values, measured[next(iter(models)), kind], strict=True)
        result[name][kind] = median(value / first for value, first in pairs)
        if kind in TIMES:
            result[name][f'{kind} (s)'] = median(values)
    return result


def saved_bytes(step: Callable[[], Any], without: Collection[int] = ()) -> int:
    """Return the size of the tensors that autograd saves for the backward pass.

    These include parameters. The result is exact on every device.

    Args:
        step: a forward pass.
        without: storages to exclude, by `untyped_storage()._cdata`.
    """
    sizes = {}

    def _pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage._cdata] = storage.nbytes()
        return tensor.detach()  # an output itself would form a reference cycle

    with torch.autograd.graph.saved_tensors_hooks(_pack, lambda tensor: tensor):
        step()
    return sum(size for storage, size in sizes.items() if storage not in without)


def training_bytes(step: Callable[[], Tensor], model: nn.Module) -> int:
    """Return the memory of a training step: weights, gradients, momentum, activations.

    On a GPU the activations are measured as the peak, which includes temporary tensors
    of the backward pass; on a CPU they are the saved tensors.

    Args:
        step: a forward pass of `model` that returns a tensor.
        model: its gradients are deleted.
    """
    parameters = list(model.parameters())
    size = sum(p.numel() * p.element_size() for p in parameters)
    if not parameters or parameters[0].device.type == 'cpu':
        weights = {p.untyped_storage()._cdata for p in parameters}
        return 3 * size + saved_bytes(step, without=weights)
    model.zero_grad(set_to_none=True)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step().sum().backward()
    peak = torch.cuda.max_memory_allocated() - before
    model.zero_grad(set_to_none=True)
    return peak + 2 * size


def _measures(model: nn.Module, inputs: Any) -> Dict[str, Callable[[], float]]:
    """Return a function for each of `KINDS` that measures a network once."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    def _output() -> Tensor:
        y = model(inputs)
        return y[-1] if isinstance(y, tuple) else y  # of a backbone, the last map

    def _training_step() -> None:
        optimizer.zero_grad()
        _output().sum().backward()
        optimizer.step()

    return {
        'forward': partial(_seconds, torch.no_grad()(_output)),
        'training step': partial(_seconds, _training_step),
        'saved activations': partial(saved_bytes, _output),
        'training memory': partial(training_bytes, _output, model),
    }


def _seconds(step: Callable[[], None]) -> float:
    """Return the duration of `step`, including the kernels that it starts on a GPU."""
    synchronise = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    synchronise()
    start = time.perf_counter()
    step()
    synchronise()
    return time.perf_counter() - start
