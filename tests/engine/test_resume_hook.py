from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmadf.engine.resume import ResumeHook

TEXT = "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\n"


@pytest.fixture
def load():
    """Return a function that loads a checkpoint; it returns the warnings."""

    def _load(text=TEXT, state=None, without=(), schedules=()):
        said = []
        runner = SimpleNamespace(
            model=nn.Linear(2, 1),
            cfg=SimpleNamespace(pretty_text=text),
            logger=SimpleNamespace(warning=said.append),
            param_schedulers=schedules,
            _load_from='run/file.pth',
        )
        state = runner.model.state_dict() if state is None else state
        meta = dict(cfg=TEXT, epoch=1, iter=4)
        training = dict(optimizer={}, message_hub={}, param_schedulers=[])
        checkpoint = dict(training, meta=meta, state_dict=state)
        for name in without:
            checkpoint.pop(name, meta.pop(name, None))
        ResumeHook().after_load_checkpoint(runner, checkpoint)
        return said

    return _load


def test_equal_config_is_not_mentioned(load):
    assert load() == []


def test_changed_learning_rate_is_named(load):
    (said,) = load(TEXT.replace('0.1', '0.2'))
    assert 'those of the checkpoint:\n  optim_wrapper.optimizer.lr: 0.1 -> 0.2' in said


def test_other_optimizer_is_refused(load):
    with pytest.raises(ValueError, match="type: 'SGD' -> 'Adam': its state cannot be"):
        load(TEXT.replace('SGD', 'Adam'))


@pytest.mark.parametrize(
    'without, named',
    [
        (['optimizer'], 'optimizer'),
        (['optimizer', 'param_schedulers'], 'optimizer, no param_schedulers'),
        (['message_hub'], 'message_hub'),
        (['epoch', 'iter'], 'meta.epoch, no meta.iter'),
        (['meta'], 'meta.epoch, no meta.iter'),
    ],
)
def test_checkpoint_without_the_state_of_training_is_refused(without, named, load):
    expected = rf'run/file.pth holds weights .*\(no {named}\);.* load_from=run/file'
    with pytest.raises(ValueError, match=expected):
        load(without=without, schedules=['MultiStepLR'])


def test_run_without_schedules_needs_no_state_of_them(load):
    assert load(without=['param_schedulers'], schedules=[]) == []


@pytest.mark.parametrize(
    'state', [{}, dict(weight=torch.ones(1, 3), bias=torch.ones(1)), dict(a=1)]
)
def test_checkpoint_of_another_network_is_refused(state, load):
    state = {name: torch.as_tensor(value) for name, value in state.items()}
    with pytest.raises(ValueError, match='of another network: [123] tensors.*weight'):
        load(state=state)


def test_config_that_is_no_text_is_not_compared(load):
    said = load('x = (')
    assert said == [
        'The config in the checkpoint is not compared: the text of a config cannot be '
        "parsed: '(' was never closed (<unknown>, line 1)"
    ]
