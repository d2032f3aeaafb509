import json
from contextlib import suppress
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MessageHub
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import nn

from mmadf.engine.hooks import LossWeightHook
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, named

NAME = 'appearance_weight'


def test_both_curves_pass_through_the_ends_and_the_middle():
    for curve in ['linear', 'cosine']:
        with named(curve):
            hook = LossWeightHook(NAME, 2.0, 0.5, begin=0.2, finish=0.6, curve=curve)
            found = [hook.weight(progress) for progress in (0.0, 0.2, 0.4, 0.6, 1.0)]
            assert found == pytest.approx([2.0, 2.0, 1.25, 0.5, 0.5], rel=1e-12)


def test_curves_differ_at_a_quarter_of_the_way():
    for curve, quarter in [('linear', 0.25), ('cosine', 0.14644660940672624)]:
        up, down = (
            LossWeightHook(NAME, *ends, curve=curve) for ends in ((0, 1), (1, 0))
        )
        with named(curve):
            assert up.weight(0.25) == pytest.approx(quarter, rel=1e-12)
            assert down.weight(0.25) == pytest.approx(1 - quarter, rel=1e-12)


class KilledError(Exception):
    """Stands for a process that is killed."""


class Net(BaseModel):
    """A network whose loss is the appearance weight, and which records the weight."""

    def __init__(self, killed_at):
        super().__init__()
        self.objective = SimpleNamespace(appearance_weight=7.0, semantic_weight=1.0)
        self.one = nn.Parameter(torch.ones(()))
        self.killed_at = killed_at
        self.seen = []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if len(self.seen) == self.killed_at:
            raise KilledError
        self.seen.append(self.objective.appearance_weight)
        return dict(loss=self.objective.appearance_weight + 0 * self.one)


def train(work_dir, resume=False, killed_at=None, **train_cfg):
    """Train 2 epochs of 4 iterations; return the weights and the log."""
    hook = dict(
        type='LossWeightHook',
        name=NAME,
        start=1.0,
        end=0.2,
        finish=0.75,
        curve='cosine',
    )
    loader = dict(
        batch_size=2,
        dataset=[dict(inputs=torch.zeros(1))] * 8,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=pseudo_collate,
        num_workers=0,
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        runner = Runner(
            Net(killed_at),
            str(work_dir),
            train_dataloader=loader,
            train_cfg=train_cfg or dict(by_epoch=True, max_epochs=2),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=1),
                checkpoint=dict(type='CheckpointHook', interval=1),
            ),
            custom_hooks=[hook],
            default_scope='mmpretrain',
            experiment_name=f'{work_dir.name}_{resume}',
            resume=resume,
            log_level='WARNING',
        )
        with suppress(KilledError):
            runner.train()
    lines = (work_dir / runner.timestamp / 'vis_data' / 'scalars.json').read_text()
    return runner.model.seen, [json.loads(line) for line in lines.splitlines()]


LAW = [1.0, 0.946410, 0.8, 0.6, 0.4, 0.253590, 0.2, 0.2]


def test_each_iteration_of_a_run_has_its_weight_and_logs_it(tmp_path):
    seen, log = train(tmp_path)
    assert seen == pytest.approx(LAW, abs=1e-6)
    assert [line['appearance_weight'] for line in log] == pytest.approx(seen)


def test_runs_by_iteration_follow_the_same_law(tmp_path):
    seen, _ = train(tmp_path, by_epoch=False, max_iters=8)
    assert seen == pytest.approx(LAW, abs=1e-6)


def test_resumed_run_continues_exactly(tmp_path):
    (tmp_path / 'whole').mkdir()
    whole, _ = train(tmp_path / 'whole')
    (tmp_path / 'parts').mkdir()
    train(tmp_path / 'parts', killed_at=6)
    rest, log = train(tmp_path / 'parts', resume=True)
    assert rest == whole[4:]
    logged = [line['appearance_weight'] for line in log[-4:]]
    assert logged == pytest.approx(whole[4:])


def test_weight_reaches_the_model_inside_ddp(tmp_path):
    store = f'file://{tmp_path}/store'
    torch.distributed.init_process_group('gloo', store, world_size=1, rank=0)
    try:
        model = MMDistributedDataParallel(Net(killed_at=None))
    finally:
        torch.distributed.destroy_process_group()
    log = MessageHub.get_instance(tmp_path.name)
    runner = SimpleNamespace(
        model=model, iter=1, max_iters=4, message_hub=log, hooks=[]
    )
    hook = LossWeightHook(NAME, 0.0, 2.0)
    hook.before_train(runner)
    hook.before_train_iter(runner, 1)
    assert model.module.objective.appearance_weight == 0.5
    assert log.get_scalar('train/appearance_weight').current() == 0.5


def test_model_without_the_weight_is_refused():
    runner = SimpleNamespace(model=nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r'Linear has no loss weight .*only \[\]'):
        LossWeightHook(NAME, 1.0, 0.0).before_train(runner)


def test_arguments_out_of_range_are_refused():
    for changes, message in [
        (dict(end=float('nan')), 'end=nan'),
        (dict(start='1'), "start='1' must be a finite number >= 0"),
        (dict(begin='0'), "begin='0' must be a finite number"),
        (dict(begin=0.5, finish=0.5), 'begin=0.5 and finish=0.5'),
        (dict(finish=20), 'finish=20'),
        (dict(curve='step'), r"curve='step' .*\['cosine', 'linear'\]"),
    ]:
        with named(changes), pytest.raises(ValueError, match=message):
            LossWeightHook(NAME, **{**dict(start=1.0, end=0.0), **changes})


def test_builds_from_a_config_of_the_host():
    from mmpretrain.registry import HOOKS

    cfg = Config(dict(hook=dict(type='LossWeightHook', name=NAME, start=1.0, end=0.0)))
    assert HOOKS.build(cfg.hook).weight(0.75) == 0.25


@pytest.mark.parametrize('name', ['teacher', 'distill_temperature', 'weight'])
def test_what_is_no_loss_weight_is_refused_with_those_that_are(name):
    runner = SimpleNamespace(model=MODELS.build(adf_cfg()))
    known = "'semantic_weight', 'appearance_weight', 'distill_weight'"
    with pytest.raises(ValueError, match=rf'no loss weight {name!r}, only \[{known}\]'):
        LossWeightHook(name, 0.0, 1.0).before_train(runner)


def test_schedules_of_what_the_config_refuses_are_refused():
    arcface = dict(type='ArcFaceClsHead', num_classes=3, in_channels=64)
    for changes, hook, message in (
        (
            dict(head=arcface),
            ('distill_weight', 0.0, 1.0),
            'distill_weight needs heads',
        ),
        (dict(loss_reduction='mean'), ('semantic_weight', 1.0, 0.0), 'end=0.0 .*mean'),
    ):
        runner = SimpleNamespace(model=MODELS.build(adf_cfg(**changes)))
        with named(hook), pytest.raises(ValueError, match=message):
            LossWeightHook(*hook).before_train(runner)
        start_training(LossWeightHook('appearance_weight', 1.0, 0.0), **changes)


def start_training(*hooks, **changes):
    """Call `before_train` of these hooks for an ADF network and 10 iterations."""
    model = MODELS.build(adf_cfg(**changes))
    for hook in hooks:
        hook.before_train(SimpleNamespace(model=model, hooks=hooks, max_iters=10))


def test_iterations_without_a_loss_that_sees_a_label_are_refused():
    def hook(name, *args, **kwargs):
        return LossWeightHook(f'{name}_weight', *args, **kwargs)

    to_zero = hook('semantic', 1.0, 0.0, finish=0.5)
    for hooks, changes, progress in [
        ([to_zero], dict(appearance_weight=0.0), '50%'),
        ([hook('appearance', 0.0, 1.0)], dict(semantic_weight=0.0), '0%'),
        ([to_zero, hook('appearance', 0.0, 1.0, begin=0.5)], {}, '50%'),
    ]:
        changes = dict(semantic_weight=1.0, appearance_weight=1.0) | changes
        with named(hooks), pytest.raises(ValueError, match=f'after {progress} of .* 0'):
            start_training(*hooks, **changes)
    start_training(to_zero)
    start_training(to_zero, hook('appearance', 0.0, 1.0, begin=0.4))
    # The last iteration is one step short of the end.
    start_training(hook('semantic', 1.0, 0.0), appearance_weight=0.0)
