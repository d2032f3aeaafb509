"""Time and memory of networks side by side, as ratios to the first of them."""

import time
from itertools import product
from statistics import median
from typing import Any, Callable, Collection, Dict, List, Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

KINDS = ('forward', 'training step', 'saved for backward')


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
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(_pack, lambda tensor: tensor):
        step()
    return sum(size for storage, size in sizes.items() if storage not in without)


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
    timed = [kind for kind in KINDS[:2] if kind in kinds]
    times = {(name, kind): [] for name in models for kind in timed}
    order = list(models)
    rounds = list(product(timed, range(repeats + 1)))
    for kind, round_ in tqdm(rounds, desc=title, leave=False):
        order = order[1:] + order[:1]
        for name in order:
            models[name].train(kind == 'training step')
            seconds = _seconds(steps[name][kind])
            if round_:
                times[name, kind].append(seconds)
    memory = {}
    for name, model in models.items() if KINDS[2] in kinds else ():
        model.train()
        memory[name] = saved_bytes(lambda m=model: m(inputs))
    return {name: _ratios(name, next(iter(models)), times, memory) for name in models}


def _ratios(
    name: str, base: str, times: Dict[tuple, List[float]], memory: Dict[str, int]
) -> Dict[str, float]:
    result = {}
    for kind in KINDS[:2]:
        if (name, kind) in times:
            pairs = zip(times[name, kind], times[base, kind], strict=True)
            result[kind] = median(ours / theirs for ours, theirs in pairs)
            result[f'{kind} (s)'] = median(times[name, kind])
    if name in memory:
        result[KINDS[2]] = memory[name] / memory[base]
    return result


def _steps(model: nn.Module, inputs: Any) -> Dict[str, Callable[[], None]]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    @torch.no_grad()
    def _forward() -> None:
        model(inputs)

    def _training_step() -> None:
        optimizer.zero_grad()
        y = model(inputs)
        (y[-1] if isinstance(y, tuple) else y).sum().backward()
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
