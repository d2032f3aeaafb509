import weakref

import torch
from torch import nn

from mmadf.analysis import benchmark
from mmadf.analysis.benchmark import saved_bytes, training_bytes


def test_saved_bytes_are_the_ones_needed_backward():
    x = torch.randn(10, 10, requires_grad=True)
    assert saved_bytes(lambda: x.sum()) == 0
    assert saved_bytes(lambda: x.exp()) == 400
    assert saved_bytes(lambda: x * x) == 400
    assert saved_bytes(lambda: x.exp() * x.exp()) == 800


def test_counting_saved_bytes_keeps_nothing_alive():
    x, kept = torch.randn(10, 10, requires_grad=True), []

    def step():
        y = x.exp()  # saves its own output
        kept.append(weakref.ref(y.untyped_storage()))
        return y

    saved_bytes(step)
    assert kept[0]() is None


def test_a_training_step_holds_weights_gradients_momentum_and_what_is_saved():
    model, x = nn.Linear(10, 20), torch.randn(3, 10, requires_grad=True)
    weights, images, squares = 220 * 4, 30 * 4, 60 * 4
    step = lambda: model(x).square()  # noqa: E731
    assert training_bytes(step, model) == 3 * weights + images + squares


class Repeated(nn.Module):
    """The same matrix product several times, counted as the time it takes."""

    products = 0

    def __init__(self, times):
        super().__init__()
        self.fc, self.times = nn.Linear(20, 20), times

    def forward(self, x):
        Repeated.products += self.times * (3 if self.training else 1)
        for _ in range(self.times):
            x = self.fc(x)
        return (x,)


def test_times_are_medians_without_the_first_round(monkeypatch):
    seconds = iter([100.0, 5.0, 1.0, 2.0])
    monkeypatch.setattr(benchmark, '_seconds', lambda step: next(seconds))
    model, x = nn.Linear(3, 3), torch.randn(2, 3)
    rows = benchmark.compare(dict(one=model), x, repeats=3, kinds=('forward',))
    assert rows['one'] == {'forward': 1, 'forward (s)': 2}


def test_ratios_are_to_the_first_and_the_weights_stay(monkeypatch):
    def seconds(step):
        before = Repeated.products
        step()
        return Repeated.products - before

    monkeypatch.setattr(benchmark, '_seconds', seconds)
    models = {'base': Repeated(2), 'more': Repeated(10)}
    before = [p.clone() for m in models.values() for p in m.parameters()]
    rows = benchmark.compare(models, torch.randn(20, 20, requires_grad=True), repeats=3)
    assert list(rows) == list(models)
    assert all(rows['base'][kind] == 1 for kind in benchmark.KINDS)
    assert rows['more']['forward'] == rows['more']['training step'] == 5
    assert rows['more']['forward (s)'] == 10
    assert rows['more']['training step (s)'] == 30
    weight, image = 20 * 20, 20 * 20
    saved = (weight + 10 * image) / (weight + 2 * image)
    assert rows['more']['saved activations'] == saved
    # weights and biases, their gradients and momentum; saved images and outputs
    fixed = 3 * (weight + 20)
    memory = (fixed + 10 * image) / (fixed + 2 * image)
    assert rows['more']['training memory'] == memory
    after = [p for m in models.values() for p in m.parameters()]
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert all(p.grad.abs().sum() > 0 for p in after)
