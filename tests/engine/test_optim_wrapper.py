from contextlib import contextmanager

import torch
from torch import nn
from torch.testing import assert_close

from mmadf.registry import OPTIM_WRAPPERS


def test_step_is_that_of_autocast_with_float32_weights():
    layer = nn.Linear(64, 8)
    plain = nn.Linear(64, 8)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(16, 64)

    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='mmadf.BFloat16OptimWrapper', optimizer=optimizer)
    )
    with wrapper.optim_context(layer):
        out = layer(x)
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().square().mean())

    rounded = nn.functional.linear(
        *(t.bfloat16() for t in (x, plain.weight, plain.bias))
    )
    assert_close(out, rounded)
    rounded.float().square().mean().backward()
    assert plain.weight.grad.abs().sum() > 0
    assert_close(layer.weight, plain.weight - 0.1 * plain.weight.grad)
    assert layer(x).dtype == torch.float32


class Wrapped(nn.Linear):
    """As DistributedDataParallel, it can leave out the synchronisation of gradients."""

    def __init__(self):
        super().__init__(4, 4)
        self.without_sync = 0

    @contextmanager
    def no_sync(self):
        self.without_sync += 1
        yield


def test_accumulated_gradients_are_synchronised_once():
    model = Wrapped()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(
            type='mmadf.BFloat16OptimWrapper',
            optimizer=optimizer,
            accumulative_counts=3,
        )
    )
    wrapper.initialize_count_status(model, 0, 6)
    for _ in range(6):
        with wrapper.optim_context(model):
            loss = model(torch.randn(2, 4)).float().sum()
        wrapper.update_params(loss)
    assert model.without_sync == 4
