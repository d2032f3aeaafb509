"""On a CPU nothing overlaps: the values, and who waits for what, are tested."""

from contextlib import contextmanager

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.analysis import overlap
from mmadf.analysis.overlap import OverlappedADF
from tests.helpers import adf_cfg, randomise


def pair():
    """Return a classifier and its overlapped form, of the same weights."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        plain = randomise(MODELS.build(adf_cfg()), std=0.1)
        overlapped = MODELS.build(adf_cfg(type=OverlappedADF))
    overlapped.load_state_dict(plain.state_dict())
    return plain, overlapped


@pytest.mark.parametrize('deployed', [False, True])
def test_logits_and_gradients_are_those_of_adf(deployed):
    x, results = torch.randn(4, 3, 16, 16), []
    for model in pair():
        model.eval()
        if deployed:
            model.switch_to_deploy()
        y = x.clone().requires_grad_()
        logits = torch.cat(list(model.scores(y).values()))
        logits.square().sum().backward()
        results.append((logits, y.grad))
    assert_close(*results)
    assert results[0][1].abs().max() > 0


class Device:
    """A device that writes down which stream waits for what."""

    def __init__(self):
        self.log, self.streams = [], ['main']
        self.Stream = lambda: Stream(self, 'side')

    def current_stream(self):
        return Stream(self, self.streams[-1])

    @contextmanager
    def stream(self, stream):
        self.streams.append(stream.name)
        yield
        self.streams.pop()


class Stream:
    def __init__(self, device, name):
        self.device, self.name = device, name

    def wait_stream(self, other):
        self.device.log.append((self.name, 'waits for', other.name))

    def wait_event(self, event):
        self.device.log.append((self.name, 'waits for', event))

    def record_event(self):
        event = f'event {sum(entry[1] == "records" for entry in self.device.log)}'
        self.device.log.append((self.name, 'records', event))
        return event


def test_the_semantic_branch_waits_for_the_maps_that_it_takes_when_it_takes_them(
    monkeypatch,
):
    device = Device()
    monkeypatch.setattr(overlap.torch, 'get_device_module', lambda _: device)
    overlap.side_stream.cache_clear()
    _, model = pair()
    branches = dict(semantic=model.backbone, appearance=model.appearance_backbone)
    for name, backbone in branches.items():
        for i, stage in enumerate(('layer1', 'layer2')):
            entry = f'{name} {i}'
            getattr(backbone, stage).register_forward_hook(
                lambda *_, entry=entry: device.log.append((device.streams[-1], entry))
            )
    model(torch.randn(1, 3, 16, 16))
    overlap.side_stream.cache_clear()
    assert device.log == [
        ('side', 'waits for', 'main'),
        ('side', 'appearance 0'),
        ('side', 'records', 'event 0'),
        ('side', 'appearance 1'),
        ('side', 'records', 'event 1'),
        ('main', 'semantic 0'),
        ('main', 'semantic 1'),
        ('main', 'waits for', 'event 0'),
        ('main', 'waits for', 'event 1'),
    ]
