"""States of the random number generators, as checkpoints store them."""

import logging
import random
from typing import List

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log


def random_state() -> dict:
    """Return the states of Python, NumPy, PyTorch and the current GPU.

    They consist of tensors and built-in types, which PyTorch loads with
    `weights_only=True`.
    """
    name, keys, *position = np.random.get_state()
    state = dict(
        python=random.getstate(),
        numpy=(name, torch.from_numpy(keys.astype(np.int64)), *position),
        torch=torch.get_rng_state(),
    )
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict) -> None:
    """Restore what `random_state` returned; a GPU is left as it is without a state."""
    version, keys, gauss = state['python']
    random.setstate((version, tuple(keys), gauss))
    name, keys, *position = state['numpy']
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *position))
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


def gather_random_states() -> List[dict]:
    """Return the states of all processes by rank; every process calls it."""
    return all_gather_object(random_state())


def restore_random_states(states: List[dict]) -> None:
    """Restore the state of this process from those of all processes.

    Args:
        states: see `gather_random_states`; those of another number of processes, and
            the empty list of checkpoints without states, are not restored.
    """
    world_size = get_world_size()
    if len(states) == world_size:
        set_random_state(states[get_rank()])
    else:
        print_log(
            f'The checkpoint has the random states of {len(states)} processes, and '
            f'there are {world_size}: random augmentations and dropout differ from '
            'those of an uninterrupted run.',
            'current',
            level=logging.WARNING,
        )
