import random

import numpy as np
import pytest
import torch

from mmadf.engine.random_state import (
    gather_random_states,
    random_state,
    restore_random_states,
    set_random_state,
)

MODULE = 'mmadf.engine.random_state'


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item(), np.random.randn()


def test_restored_generators_repeat_their_numbers(tmp_path):
    draw()  # leaves NumPy with a second normal number
    torch.save(random_state(), tmp_path / 'a.pth')
    expected = draw()
    set_random_state(torch.load(tmp_path / 'a.pth', weights_only=True))
    assert draw() == expected


def test_states_of_all_processes_are_restored_by_rank():
    states = gather_random_states()
    expected = draw()
    restore_random_states(states)
    assert draw() == expected


@pytest.mark.parametrize('rank', [0, 1])
def test_each_process_gets_its_own_state(rank, monkeypatch):
    states, expected = [], []
    for _ in range(2):
        states.append(random_state())
        expected.append(draw())
    monkeypatch.setattr(f'{MODULE}.get_world_size', lambda: 2)
    monkeypatch.setattr(f'{MODULE}.get_rank', lambda: rank)
    restore_random_states(states)
    assert draw() == expected[rank] != expected[1 - rank]


@pytest.mark.parametrize('count', [0, 2])
def test_states_of_another_number_of_processes_are_left_out(count, monkeypatch):
    said = []
    monkeypatch.setattr(f'{MODULE}.print_log', lambda text, *_, **__: said.append(text))
    states = [random_state()] * count
    draw()
    before = torch.get_rng_state()
    restore_random_states(states)
    assert torch.equal(torch.get_rng_state(), before)
    assert f'states of {count} processes' in said[0]
