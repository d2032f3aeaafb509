import pytest
from mmengine.config import Config
from mmengine.hooks import CheckpointHook

from mmadf.engine.hooks import CheckDataHook
from mmadf.engine.launch import QuietRunner, build_runner
from mmadf.engine.training_hooks import complete_hooks
from tests.helpers import adf_cfg

NAMES = ['check_data', 'check_loss', 'worker_seed']
SAFE = 'mmadf.SafeCheckpointHook'


def completed(**fields):
    cfg = Config(fields)
    complete_hooks(cfg)
    return cfg.default_hooks


@pytest.mark.parametrize(
    'kind', ['CheckpointHook', 'mmengine.CheckpointHook', CheckpointHook]
)
def test_plain_checkpoints_become_safe_ones_with_the_same_arguments(kind):
    checkpoint = dict(type=kind, interval=5, max_keep_ckpts=2)
    hooks = completed(default_hooks=dict(checkpoint=checkpoint))
    assert hooks.checkpoint == dict(type=SAFE, interval=5, max_keep_ckpts=2)


@pytest.mark.parametrize('fields', [dict(), dict(default_hooks=None)])
def test_config_without_hooks_gets_all_of_them(fields):
    hooks = completed(**fields)
    assert sorted(hooks) == [*NAMES[:2], 'checkpoint', NAMES[2]]
    assert hooks.checkpoint == dict(type=SAFE, interval=1)
    assert hooks.worker_seed == dict(type='mmadf.WorkerSeedHook')


def test_validations_of_training_by_iterations_are_logged_by_iteration():
    loop = dict(by_epoch=False, max_iters=9, val_interval=3)
    for given, expected in [
        ({}, dict(type='LoggerHook', log_metric_by_epoch=False)),
        (
            dict(logger=dict(type='LoggerHook', interval=5)),
            dict(type='LoggerHook', interval=5, log_metric_by_epoch=False),
        ),
        (
            dict(logger=dict(type='LoggerHook', log_metric_by_epoch=True)),
            dict(type='LoggerHook', log_metric_by_epoch=True),
        ),
        (dict(logger=dict(type='Other')), dict(type='Other')),
        (dict(logger=None), None),
    ]:
        assert completed(train_cfg=loop, default_hooks=given).logger == expected
    by_epoch = dict(by_epoch=True, max_epochs=2)
    assert 'logger' not in completed(train_cfg=by_epoch)


@pytest.mark.parametrize('kind', ['SafeCheckpointHook', 'mmadf.SafeCheckpointHook'])
def test_hooks_of_the_config_stay_as_they_are(kind):
    given = dict(
        checkpoint=dict(type=kind, save_best='auto'),
        check_data=dict(type='CheckDataHook', max_images=0),
        check_loss=dict(type='OfAnotherProject'),
        worker_seed=dict(type='WorkerSeedHook'),
    )
    assert completed(default_hooks=given) == given


@pytest.mark.parametrize('name', ['checkpoint', *NAMES])
def test_options_of_hooks_that_are_added_need_no_type(name):
    added = completed()[name]
    given = {name: dict(interval=3)}  # as --cfg-options default_hooks.NAME.interval=3
    assert completed(default_hooks=given)[name] == dict(added, interval=3)


@pytest.mark.parametrize('kind', ['mmadf.CheckDataHook', CheckDataHook])
def test_hooks_are_not_added_twice(kind):
    hooks = completed(custom_hooks=[dict(type=kind, max_images=7), dict(type='Other')])
    assert set(hooks) == {'check_loss', 'checkpoint', 'worker_seed'}


def test_hooks_can_be_left_out():
    hooks = completed(default_hooks=dict.fromkeys(['checkpoint', *NAMES]))
    assert hooks == dict(checkpoint=None)


def test_checkpoints_in_other_storage_stay_with_a_warning(capsys):
    checkpoint = dict(type='CheckpointHook', out_dir='s3://bucket')
    hooks = completed(default_hooks=dict(checkpoint=checkpoint))
    assert hooks.checkpoint == checkpoint
    said = capsys.readouterr().out
    assert "checkpoint.out_dir='s3://bucket': CheckpointHook writes" in said


def runner_cfg(tmp_path):
    return Config(
        dict(
            model=adf_cfg(),
            work_dir=str(tmp_path),
            default_scope='mmpretrain',
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=3)),
        )
    )


def hook_names(runner):
    return [type(hook).__name__ for hook in runner.hooks]


def test_training_has_safe_checkpoints_and_checks_with_any_config(tmp_path):
    runner = build_runner(runner_cfg(tmp_path), splits=('train', 'val'))
    assert isinstance(runner, QuietRunner)
    names = hook_names(runner)
    expected = ['CheckDataHook', 'CheckLossHook', 'SafeCheckpointHook']
    assert sorted({*names} & {*expected, 'CheckpointHook'}) == expected
    assert names.count('WorkerSeedHook') == 1


def test_testing_has_the_hooks_of_the_config(tmp_path):
    names = hook_names(build_runner(runner_cfg(tmp_path), splits=('test',)))
    assert 'CheckpointHook' in names
    assert 'CheckLossHook' not in names
