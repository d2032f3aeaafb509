"""Only checkpoints that fit a network exactly are loaded into it."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpretrain.models import AverageClsScoreTTA
from torch import nn
from torch.testing import assert_close

from mmadf.models import WiseSrNetHead
from mmadf.weights.exact import ExactWeightsHook, load_exactly
from tests.helpers import named, randomise


def network():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


@pytest.fixture
def weights():
    return {k: torch.full_like(v, 7) for k, v in network().state_dict().items()}


@pytest.fixture
def logged(monkeypatch):
    """Return the list of messages that are logged."""
    messages = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, 'log', lambda level, text: messages.append(text))
    return messages


CHANGES = {
    '1 missing: 0.bias': {'0.bias': None},
    '1 unexpected: 2.bias': {'2.bias': torch.ones(2)},
    r'1 misshapen: 0.bias \(\(4,\) for \(3,\)\)': {'0.bias': torch.ones(4)},
}


def test_difference_is_refused_or_reported(weights, logged):
    for words, change in CHANGES.items():
        with named(words):
            given = {**weights, **change}
            given = {name: value for name, value in given.items() if value is not None}
            with pytest.raises(ValueError, match=f"checkpoint='a.pth'.*{words}$"):
                load_exactly(network(), given, 'a.pth')
            model = network()
            load_exactly(model, given, 'a.pth', allow_partial=True)
            assert_close(model[0].weight, weights['0.weight'])
            message = logged.pop()
            assert not logged
            assert message.startswith('a.pth is loaded in part only: 1 ')


def test_refusal_names_the_config_that_training_wrote_beside_the_checkpoint(
    weights, tmp_path
):
    weights['0.bias'] = torch.ones(4)
    checkpoint = tmp_path / 'epoch_1.pth'
    checkpoint.touch()
    (tmp_path / 'notes.py').write_text('a_model = dict()')
    with pytest.raises(ValueError, match=r'a checkpoint of this config\. 1 misshapen'):
        load_exactly(network(), weights, str(checkpoint))
    (tmp_path / 'mine.py').write_text("launcher = 'none'\nmodel = dict()\n")
    message = r'of this config, or the config beside it: \S*/mine\.py\. 1 misshapen'
    with pytest.raises(ValueError, match=message):
        load_exactly(network(), weights, str(checkpoint))


def test_kernel_for_another_feature_map_size_is_left_as_initialised(logged):
    head, trained = (WiseSrNetHead(5, 8, map_size=size) for size in (16, 7))
    initial = deepcopy(head.pooling.spatial.weight)
    weights = randomise(trained).state_dict()
    words = r'1 misshapen: pooling.spatial.weight \(\(8, 1, 3, 3\) for \(8, 1, 8, 8\)\)'
    with pytest.raises(ValueError, match=words):
        load_exactly(head, weights, 'a.pth')
    load_exactly(head, weights, 'a.pth', allow_partial=True)
    assert_close(head.pooling.spatial.weight, initial, rtol=0, atol=0)
    assert_close(head.fc.weight, trained.fc.weight)
    assert logged[-1].startswith('a.pth is loaded in part only: 1 misshapen: pooling.')


def test_counter_of_batches_may_be_missing(weights, logged):
    del weights['1.num_batches_tracked']
    model = network()
    load_exactly(model, weights, 'a.pth')
    assert_close(model[1].running_var, weights['1.running_var'])
    assert not logged


def load_by_hook(model, content, **kwargs):
    hook = ExactWeightsHook('a.pth', **kwargs)
    hook.after_load_checkpoint(SimpleNamespace(model=model), content)


def test_runner_finds_the_weights_of_any_checkpoint(weights):
    for key in ['state_dict', 'model', None]:
        with named(key):
            content = {key: weights} if key else dict(weights)
            load_by_hook(network(), content)
            assert content['state_dict'].keys() == weights.keys()


def test_hook_runs_before_the_hook_that_reads_the_average_of_weights(weights, tmp_path):
    class Model(BaseModel):
        def __init__(self):
            super().__init__()
            self.layers = network()

        def forward(self, inputs, mode='tensor'):
            return self.layers(inputs)

    weights = {f'layers.{name}': value for name, value in weights.items()}
    torch.save(dict(model=weights), tmp_path / 'a.pth')
    runner = Runner(Model(), str(tmp_path / 'work'), experiment_name=tmp_path.name)
    ema = EMAHook()
    ema.before_run(runner)
    runner.register_hook(ema)
    runner.register_hook(ExactWeightsHook('a.pth'))
    runner.load_checkpoint(str(tmp_path / 'a.pth'))
    average = ema.ema_model.module.state_dict()
    assert_close(average['layers.0.weight'], weights['layers.0.weight'])


def test_hook_loads_into_the_network_within_test_time_augmentation(weights):
    model = network()
    model.test_step = model.forward
    load_by_hook(AverageClsScoreTTA(model), dict(state_dict=weights))
    assert_close(model[0].bias, weights['0.bias'])


def test_hook_refuses_a_checkpoint_without_weights():
    with pytest.raises(ValueError, match="'a.pth' has no weights"):
        load_by_hook(network(), dict(state_dict={}), allow_partial=True)
