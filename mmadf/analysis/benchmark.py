"""Time and memory of several networks, as ratios to the first of them."""

import time
from itertools import product
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
    learning rate 0. Inference is measured first, before training fills the memory
    allocator. The order of the networks rotates from round to round, and ratios are
    taken within a round, so that other load on the machine affects all networks alike.

    Args:
        models: networks by name, on one device; the first is the reference.
        inputs: the one argument of their forward pass.
        repeats: number of measured rounds, > 0; one more warms up.
        title: label of the progress bar.
        kinds: what to measure, of `KINDS`.

    Returns:
        For each network and kind the ratio to the first network, for times the median
        over rounds, and for each time also its median in seconds, as 'forward (s)'.
    """
    steps = {name: _steps(model, inputs) for name, model in models.items()}
    timed = [kind for kind in TIMES if kind in kinds]
    times = {(name, kind): [] for name in models for kind in timed}
    order = list(models)
    rounds = list(product(timed, range(repeats + 1)))
    for kind, index in import_optional('tqdm').tqdm(rounds, desc=title, leave=False):
        order = order[1:] + order[:1]
        for name in order:
            models[name].train(kind == 'training step')
            seconds = _seconds(steps[name][kind])
            if index > 0:
                times[name, kind].append(seconds)
    memory = {
        (name, kind): _memory(kind, model, inputs)
        for name, model in models.items()
        for kind in MEMORY
        if kind in kinds
    }
    reference, result = next(iter(models)), {name: {} for name in models}
    for (name, kind), seconds in times.items():
        pairs = zip(seconds, times[reference, kind], strict=True)
        result[name][kind] = median(one / other for one, other in pairs)
        result[name][f'{kind} (s)'] = median(seconds)
    for (name, kind), size in memory.items():
        result[name][kind] = size / memory[reference, kind]
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


def _memory(kind: str, model: nn.Module, inputs: Any) -> int:
    model.train()
    if kind == 'saved activations':
        return saved_bytes(lambda: _output(model, inputs))
    return training_bytes(lambda: _output(model, inputs), model)


def _output(model: nn.Module, inputs: Any) -> Tensor:
    """Return the output of a network, of a backbone the last feature map."""
    y = model(inputs)
    return y[-1] if isinstance(y, tuple) else y


def _steps(model: nn.Module, inputs: Any) -> Dict[str, Callable[[], None]]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    @torch.no_grad()
    def _forward() -> None:
        model(inputs)

    def _training_step() -> None:
        optimizer.zero_grad()
        _output(model, inputs).sum().backward()
        optimizer.step()

    return {'forward': _forward, 'training step': _training_step}


def _seconds(step: Callable[[], None]) -> float:
    """Return the duration of `step`, including the kernels that it starts on a GPU."""
    synchronise = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    synchronise()
    start = time.perf_counter()
    step()
    synchronise()
    return time.perf_counter() - start
