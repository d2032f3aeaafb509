"""Reading checkpoints and YAML files runs no code in them."""

import argparse
import json
import zipfile

import mmpretrain
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from mmengine.runner import CheckpointLoader, Runner, load_checkpoint
from torch.testing import assert_close

from mmadf.registry import MODELS
from mmadf.weights.checkpoint import read_checkpoint
from mmadf.weights.load import load_network, read_config
from mmadf.weights.pretrained import load_branches
from mmadf.weights.safe_loading import OPT_OUT
from tests.helpers import adf_cfg, backbone_cfg, named
from tests.weights.unsafe import save_unsafe, save_unsafe_forms

NAMES_FILE_AND_TYPE = r'checkpoint=.*unsafe\.pth.* contains io\.open, which is neither'


class TinyModel(BaseModel):
    """One weight; its loss is the weight."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, inputs, mode='tensor'):
        return dict(loss=self.weight.sum())


@pytest.fixture
def runner(tmp_path):
    """Return a Runner that trains a network of one weight for four iterations."""
    return Runner(
        TinyModel(),
        default_scope='mmpretrain',
        work_dir=str(tmp_path / 'work'),
        experiment_name=tmp_path.name,
        train_dataloader=dict(
            dataset=[dict(inputs=torch.ones(1))] * 4,
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        param_scheduler=dict(type='OneCycleLR', eta_max=0.1, total_steps=8),
        default_hooks=dict(logger=None),
        log_level='ERROR',
    )


@pytest.fixture
def marker(tmp_path):
    """Return the path of the file that unsafe checkpoints create."""
    return tmp_path / 'created'


@pytest.fixture
def unsafe(tmp_path, marker):
    """Return an unsafe checkpoint that fits `adf_cfg`."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        weights = MODELS.build(adf_cfg()).state_dict()
    return save_unsafe(tmp_path / 'unsafe.pth', marker, state_dict=weights)


def test_functions_that_load_checkpoints_run_no_code_in_them(unsafe, marker, runner):
    path = str(unsafe)
    cfg = Config(dict(model=adf_cfg()))
    model = mmpretrain.get_model(cfg)
    pretrained = dict(type='Pretrained', checkpoint=path)
    initialised = MODELS.build(backbone_cfg(init_cfg=pretrained))
    calls = {
        'read_checkpoint': lambda: read_checkpoint(path),
        'load_network': lambda: load_network(cfg, path),
        'load_branches': lambda: load_branches(model, path),
        'init_cfg': initialised.init_weights,
        'get_model': lambda: mmpretrain.get_model(cfg, pretrained=path),
        'load_checkpoint': lambda: load_checkpoint(model, path),
        'Inferencer': lambda: mmpretrain.ImageClassificationInferencer(cfg, path),
        'Runner.load_checkpoint': lambda: runner.load_checkpoint(path),
        'Runner.resume': lambda: runner.resume(path),
    }
    for name, call in calls.items():
        with named(name), pytest.raises(ValueError, match=NAMES_FILE_AND_TYPE):
            call()
        assert not marker.exists(), name


def test_addresses_that_lead_to_checkpoints_run_no_code_in_them(
    unsafe, marker, tmp_path, monkeypatch
):
    """With files where earlier downloads are kept, so that nothing is downloaded."""
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    (tmp_path / 'open_mmlab.json').write_text(json.dumps(dict(unsafe='unsafe.pth')))
    downloads = tmp_path / 'hub' / 'checkpoints'
    downloads.mkdir(parents=True)
    (downloads / 'unsafe.pth').write_bytes(unsafe.read_bytes())
    for address in ('https://host.invalid/unsafe.pth', 'openmmlab://unsafe'):
        with named(address), pytest.raises(ValueError, match='unsafe.* io.open, which'):
            read_checkpoint(address)
        assert not marker.exists(), address


def test_networks_of_timm_run_no_code_in_checkpoints(unsafe, marker):
    pytest.importorskip('timm')
    backbone = dict(type='TIMMBackbone', model_name='resnet10t')
    scope = DefaultScope.overwrite_default_scope('mmpretrain')
    with scope, pytest.raises(RuntimeError, match=r'io\.open'):
        MODELS.build({**backbone, 'checkpoint_path': str(unsafe)})
    assert not marker.exists()


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
def test_no_file_format_runs_code(tmp_path, marker):
    for path in save_unsafe_forms(tmp_path, marker):
        with (
            named(path),
            pytest.raises(ValueError, match=f"'{path}' contains .*{OPT_OUT}"),
        ):
            read_checkpoint(str(path))
        assert not marker.exists(), path


def test_attributes_of_types_cannot_be_reached(tmp_path):
    class _Getter:
        def __reduce__(self):
            return getattr, (HistoryBuffer, '__subclasses__')

    torch.save(_Getter(), tmp_path / 'getter.pth')
    with pytest.raises(ValueError, match='getter.pth.*__subclasses__ is not allowed'):
        read_checkpoint(str(tmp_path / 'getter.pth'))


def test_a_variable_of_the_environment_admits_other_types(unsafe, marker, monkeypatch):
    monkeypatch.setenv(OPT_OUT, '1')
    with pytest.warns(UserWarning, match=OPT_OUT):
        weights, _ = read_checkpoint(str(unsafe))
    assert len(weights) > 100
    assert marker.exists()


def test_damaged_checkpoint_is_refused_by_the_host(unsafe, runner):
    content = bytearray(unsafe.read_bytes())
    content[len(content) // 2] ^= 1
    unsafe.write_bytes(content)
    with pytest.raises(ValueError, match=r'unsafe\.pth.* is damaged'):
        runner.load_checkpoint(str(unsafe))


# What loads


def test_checkpoints_of_the_runner_are_resumed(runner, tmp_path):
    runner.train()
    saved = str(tmp_path / 'work' / 'epoch_1.pth')
    runner.message_hub.update_info('score', np.float32(0.5))
    assert torch.load(saved, weights_only=True)['optimizer']['state']
    content = CheckpointLoader.load_checkpoint(saved, logger='silent')
    runner.resume(saved)
    assert (runner.epoch, runner.iter) == (1, 4)
    assert_close(runner.model.weight.data, content['state_dict']['weight'])
    log = runner.message_hub.get_scalar('train/loss')
    assert isinstance(log, HistoryBuffer)
    assert len(log.data[0]) == 4


def test_states_of_all_schedulers_are_read(tmp_path):
    parameter = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    given = dict(
        ExponentialLR=dict(gamma=0.9),
        MultiStepLR=dict(milestones=[1]),
        OneCycleLR=dict(eta_max=1.0, total_steps=10),
        PolyLR={},
        ReduceOnPlateauLR=dict(monitor='loss'),
        StepLR=dict(step_size=1),
        CosineAnnealingLR=dict(T_max=5),
        CosineRestartLR=dict(periods=[5], eta_min=0.0),
        LinearLR={},
        ConstantLR={},
    )
    states = {
        name: PARAM_SCHEDULERS.build(
            dict(type=name, optimizer=optimizer, **fields)
        ).state_dict()
        for name, fields in given.items()
    }
    torch.save(states, tmp_path / 'states.pth')
    path = str(tmp_path / 'states.pth')
    assert set(CheckpointLoader.load_checkpoint(path, logger='silent')) == set(given)


def test_values_beside_weights_are_read(tmp_path):
    for value in [
        *(np.ones(2, dtype) for dtype in ('bool', 'uint32', 'int64', 'float16')),
        *(kind(1) for kind in (np.bool_, np.int32, np.float32, np.float64)),
        np.array(['dark', 'light']),
        argparse.Namespace(lr=0.1),  # in checkpoints of timm's scripts
        {'dark'},  # of one element, whose name is the same in every process
        torch.Size([3]),
        ConfigDict(palette=dict(a=[1, 2], b=[dict(c=3)])),  # `metainfo` in a config
    ]:
        with named(repr(value)):
            torch.save(dict(value=value), tmp_path / 'a.pth')
            with torch.serialization.safe_globals([np.ndarray, argparse.Namespace]):
                pass  # as a fork and timm do, which takes them off the list again
            path = str(tmp_path / 'a.pth')
            found = CheckpointLoader.load_checkpoint(path, logger='silent')['value']
            assert type(found) is type(value)
            assert (
                np.array_equal(found, value)
                if isinstance(value, np.ndarray)
                else (found == value)
            )


def test_arrays_that_another_version_of_numpy_saved_are_read(tmp_path):
    values = dict(array=np.arange(3), number=np.float64(0.5))
    torch.save(values, tmp_path / 'a.pth')
    with (
        zipfile.ZipFile(tmp_path / 'a.pth') as ours,
        zipfile.ZipFile(tmp_path / 'b.pth', 'w') as theirs,
    ):
        for name in ours.namelist():
            new, old = b'numpy._core.multiarray', b'numpy.core.multiarray'
            theirs.writestr(name, ours.read(name).replace(new, old))
    found = CheckpointLoader.load_checkpoint(str(tmp_path / 'b.pth'), logger='silent')
    assert found['array'].tolist() == [0, 1, 2]
    assert found['number'] == 0.5


# Configs


def test_resuming_does_not_run_the_config_in_a_checkpoint(runner, marker, tmp_path):
    runner.train()
    saved = tmp_path / 'work' / 'epoch_1.pth'
    content = torch.load(saved)
    content['meta']['config'] = f'open({str(marker)!r}, "w")'
    torch.save(content, saved)
    runner.resume(str(saved))
    assert runner.epoch == 1
    assert not marker.exists()


def test_tags_of_yaml_are_refused(tmp_path, marker):
    for name, text in [
        ('config.yaml', 'model: !!python/object/apply:builtins.open ["{marker}", "w"]'),
        ('config.yml', 'model: !!python/name:os.system'),
        ('config.yaml', '_base_: base.yaml'),
        ('config.json', '{{"_base_": "base.yaml"}}'),
        ('config.py', '_base_ = "base.yaml"'),
    ]:
        with named(text):
            base = f'x: !!python/object/apply:builtins.open ["{marker}", "w"]'
            (tmp_path / 'base.yaml').write_text(base)
            (tmp_path / name).write_text(text.format(marker=marker))
            match = rf'{name}.* the tag \S+python/\S+ is refused'
            with pytest.raises(ValueError, match=match):
                read_config(str(tmp_path / name))
            assert not marker.exists()


def test_dumped_configs_are_read(tmp_path):
    for suffix in ['yaml', 'json']:
        with named(suffix):
            cfg = Config(dict(model=dict(type='A', size=[3, 4]), rates=(0.5, None)))
            cfg.dump(tmp_path / f'config.{suffix}')
            found = read_config(str(tmp_path / f'config.{suffix}'))
            assert found.model == cfg.model
            assert list(found.rates) == [0.5, None]
            assert type(found.rates) is (tuple if suffix == 'yaml' else list)
