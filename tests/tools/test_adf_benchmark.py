import pytest
import torch
from torch import nn

from mmadf.evaluation.benchmark import compare, saved_bytes


def test_chosen_storages_do_not_count():
    x, w = torch.randn(10, 10, requires_grad=True), torch.randn(10, 10)
    own = {w.untyped_storage()._cdata}
    assert saved_bytes(lambda: x * w) == 400
    assert saved_bytes(lambda: x * w, without=own) == 0


@pytest.mark.parametrize(
    ('kinds', 'names'),
    [
        (('forward',), {'forward', 'forward (s)'}),
        (('saved for backward',), {'saved for backward'}),
    ],
)
def test_only_what_is_asked_for_is_measured(kinds, names):
    model, calls = nn.Linear(3, 3), []
    model.register_forward_hook(lambda m, *_: calls.append(m.training))
    rows = compare(dict(one=model), torch.randn(2, 3), repeats=2, kinds=kinds)
    assert set(rows['one']) == names
    assert calls == ([False] * 3 if 'forward' in kinds else [True])
