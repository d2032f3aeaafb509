"""Time and memory of networks side by side, as ratios to the first of them."""

import time
from functools import partial
from itertools import product
from statistics import median
from typing import Any, Callable, Collection, Dict, List, Sequence

import torch
from torch import Tensor, nn

from mmadf.utils.progress import import_tqdm

TIMES = ('forward', 'training step')
MEMORY = ('saved for backward', 'training memory')
KINDS = TIMES + MEMORY


def saved_bytes(step: Callable[[], Any], without: Collection[int] = ()) -> int:
    """Return the bytes that autograd keeps for the backward pass of `step`.

    Parameters that are needed backward are in it. It is exact on every device and
    does not depend on what else runs there.

    Args:
        step: a forward pass.
        without: storages, by `untyped_storage()._cdata`, that do not count.
    """
    sizes = {}

    def _pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage._cdata] = storage.nbytes()
        return tensor.detach()  # itself, an output would keep its graph alive for ever

    with torch.autograd.graph.saved_tensors_hooks(_pack, lambda tensor: tensor):
        step()
    return sum(size for storage, size in sizes.items() if storage not in without)


def training_bytes(step: Callable[[], Tensor], model: nn.Module) -> int:
    """Return the bytes of a training step: the peak on a GPU, what is kept on a CPU.

    That is weights, gradients, one momentum, and what the forward pass saves; on a GPU
    also what the backward pass needs beside it.

    Args:
        step: a forward pass of `model` to a tensor.
        model: whose gradients are dropped.
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


def compare(
    models: Dict[str, nn.Module],
    inputs: Any,
    repeats: int,
    title: str = '',
    kinds: Sequence[str] = KINDS,
) -> Dict[str, Dict[str, float]]:
    """Measure networks in turn, in one run, against the first of them.

    A training step is forward, backward and SGD with momentum and rate 0. Inference is
    measured first: what training leaves in the memory allocator is no part of it. The
    order of the networks turns round by round, and the ratios of a round are taken
    within it, so that what else the machine does weighs on all alike.

    Args:
        models: networks by name, all taking `inputs`, on one device.
        inputs: the one argument of their forward pass.
        repeats: rounds, > 0, after one for warming up.
        title: name on the progress bar.
        kinds: what is measured, of `KINDS`.

    Returns:
        For each name, medians over the rounds of time and memory as ratios to the
        first, under the names of `kinds`, and the times in seconds under 'forward (s)'
        and 'training step (s)'.
    """
    steps = {name: _steps(model, inputs) for name, model in models.items()}
    timed = [kind for kind in TIMES if kind in kinds]
    times = {(name, kind): [] for name in models for kind in timed}
    order = list(models)
    rounds = list(product(timed, range(repeats + 1)))
    for kind, round_ in import_tqdm()(rounds, desc=title, leave=False):
        order = order[1:] + order[:1]
        for name in order:
            models[name].train(kind == 'training step')
            seconds = _seconds(steps[name][kind])
            if round_:
                times[name, kind].append(seconds)
    memory = {}
    for name, model in models.items():
        model.train()
        step = partial(_logits, model, inputs)
        if 'saved for backward' in kinds:
            memory[name, 'saved for backward'] = saved_bytes(step)
        if 'training memory' in kinds:
            memory[name, 'training memory'] = training_bytes(step, model)
    return {name: _ratios(name, next(iter(models)), times, memory) for name in models}


def _logits(model: nn.Module, inputs: Any) -> Tensor:
    """Return the output of a model, the last one of a backbone."""
    y = model(inputs)
    return y[-1] if isinstance(y, tuple) else y


def _ratios(
    name: str, base: str, times: Dict[tuple, List[float]], memory: Dict[tuple, int]
) -> Dict[str, float]:
    result = {}
    for kind in TIMES:
        if (name, kind) in times:
            pairs = zip(times[name, kind], times[base, kind], strict=True)
            result[kind] = median(ours / theirs for ours, theirs in pairs)
            result[f'{kind} (s)'] = median(times[name, kind])
    for kind in MEMORY:
        if (name, kind) in memory:
            result[kind] = memory[name, kind] / memory[base, kind]
    return result


def _steps(model: nn.Module, inputs: Any) -> Dict[str, Callable[[], None]]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    @torch.no_grad()
    def _forward() -> None:
        model(inputs)

    def _training_step() -> None:
        optimizer.zero_grad()
        _logits(model, inputs).sum().backward()
        optimizer.step()

    return {'forward': _forward, 'training step': _training_step}


def _seconds(step: Callable[[], None]) -> float:
    """Return how long `step` takes, with what it left running on a GPU."""
    synchronise = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    synchronise()
    start = time.perf_counter()
    step()
    synchronise()
    return time.perf_counter() - start
