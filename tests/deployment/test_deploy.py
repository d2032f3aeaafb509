import shutil

import mmpretrain
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from mmpretrain import ImageClassificationInferencer
from torch.testing import assert_close

from mmadf.deployment import DeploymentError, deploy_classifier
from mmadf.deployment import deploy as module
from mmadf.deployment.deploy import deployed_config
from mmadf.models.classifiers import deployed as deployed_module
from tests.deployment.conftest import backbone_cfg
from tests.helpers import adf_cfg, named

ADF = dict(type='mmadf.ADFClassifier', mapper=dict(type='Mapper', sources=(0,)))
ADF_BACKBONE = dict(ADF, type='mmadf.ADFBackbone', backbone=backbone_cfg())
META = dict(dataset_meta=dict(classes=('a', 'b', 'c', 'd', 'e')), epoch=7)


@pytest.fixture(scope='module')
def trained(write_files):
    return write_files(ADF, std=0.2, meta=META)


@pytest.fixture(scope='module')
def deployed(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp('deployed') / 'small.pth'
    difference = deploy_classifier(*trained, out)
    return str(out.with_suffix('.py')), str(out), difference


@torch.no_grad()
def test_written_files_give_the_same_logits_with_less(trained, deployed):
    whole = mmpretrain.get_model(trained[0], pretrained=trained[1])
    small = mmpretrain.get_model(deployed[0], pretrained=deployed[1])
    x = torch.randn(3, 3, 32, 32)
    assert_close(small(x), whole(x), rtol=1e-5, atol=1e-5 * whole(x).abs().max().item())
    assert deployed[2] < 1e-6
    names = small.state_dict()
    assert not any('appearance_head' in n or '.bn' in n for n in names)
    assert {n.split('.')[1] for n in names if n.startswith('appearance')} == {
        'conv1',
        'layer1',
    }


@torch.no_grad()
def test_a_network_for_one_image_size_needs_none_in_the_pipeline(write_files, tmp_path):
    head = dict(type='WiseSrNetHead', num_classes=5, in_channels=16, map_size=16)
    changes = dict(ADF, neck=None, head=dict(head, pool_size=None))
    files = write_files(changes, std=0.2, pipeline=[dict(type='PackInputs')])
    deploy_classifier(*files, tmp_path / 'small.pth')
    whole, small = (
        mmpretrain.get_model(config, pretrained=weights)
        for config, weights in (
            files,
            (f'{tmp_path}/small.py', f'{tmp_path}/small.pth'),
        )
    )
    x = torch.randn(3, 3, 32, 32)
    assert_close(small(x), whole(x), rtol=1e-5, atol=1e-5 * whole(x).abs().max().item())


def test_inferencer_needs_nothing_but_the_two_files(trained, deployed):
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    results = [
        ImageClassificationInferencer(config, pretrained=checkpoint)(image)[0]
        for config, checkpoint in (trained, deployed[:2])
    ]
    assert_close(
        results[1]['pred_scores'], results[0]['pred_scores'], rtol=1e-4, atol=1e-6
    )
    assert results[1]['pred_class'] == results[0]['pred_class'] in 'abcde'


def test_without_folding_the_weights_are_the_trained_ones(trained, tmp_path):
    assert deploy_classifier(*trained, tmp_path / 'cut.pth', fold=False) == 0
    cut, whole = (
        torch.load(path, weights_only=True)['state_dict']
        for path in (tmp_path / 'cut.pth', trained[1])
    )
    assert set(cut) < set(whole)
    assert_close(cut, {name: whole[name] for name in cut}, rtol=0, atol=0)


def test_meta_keeps_the_classes_alone(deployed):
    meta = torch.load(deployed[1], weights_only=False)['meta']
    assert meta == dict(dataset_meta=META['dataset_meta'])


def test_a_network_that_cannot_be_folded_is_not_written(trained, tmp_path, monkeypatch):
    def refuse(network, function, image_size):
        raise ValueError('fold: switch_to_deploy of Block changes the output.')

    monkeypatch.setattr(deployed_module, 'fold', refuse)
    with pytest.raises(DeploymentError, match='of Block changes .* Nothing was writt'):
        deploy_classifier(*trained, tmp_path / 'small.pth')
    assert list(tmp_path.iterdir()) == []


def test_a_network_with_other_logits_is_not_written(trained, tmp_path, monkeypatch):
    def _spoilt(cfg, fold):
        cfg = Config(cfg.to_dict())
        cfg.model.deploy = dict(fold=fold)
        cfg.model.mapper.fusion = 'convex'
        return cfg

    monkeypatch.setattr(module, 'deployed_config', _spoilt)
    started = []
    with pytest.raises(DeploymentError, match='differ by .*tolerance 1e-05; nothing'):
        deploy_classifier(
            *trained, tmp_path / 'small.pth', on_start=lambda: started.append(1)
        )
    assert started == [1]
    assert list(tmp_path.iterdir()) == []


def test_other_networks_are_refused(write_files, tmp_path):
    for model, message in [
        (dict(), 'net.py builds ImageClassifier; .* model folder: FOLDER/ --whole'),
        (dict(ADF, deploy=dict(fold=False)), 'builds ADFClassifier with deployed=True'),
        (dict(ADF, readout='sum'), "deployed=False and readout='sum'"),
        (
            dict(backbone=dict(type='mmadf.DecoupledBackbone', backbone=ADF_BACKBONE)),
            'builds ADFBackbone inside another type, which cannot build',
        ),
    ]:
        with named(model), pytest.raises(ValueError, match=message):
            files, out = write_files(model), tmp_path / 'small.pth'
            deploy_classifier(*files, out, on_start=pytest.fail)


def test_an_invalid_output_path_is_found_before_any_work(trained, tmp_path):
    for out, error, message in [
        ('small.onnx', ValueError, r'out=.*small\.onnx must be .*\*\.pth'),
        ('gone/small.pth', FileNotFoundError, r'the folder .*gone does not exist'),
    ]:
        with pytest.raises(error, match=message):
            deploy_classifier('no config', trained[1], tmp_path / out)


def test_the_checkpoint_is_not_overwritten(trained):
    with pytest.raises(ValueError, match=r'out=.*net\.pth is the checkpoint itself'):
        deploy_classifier(*trained, trained[1])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def trained_here(trained, tmp_path):
    """Return the folder of a training: config `my.py`, checkpoint `epoch_7.pth`."""
    shutil.copy(trained[0], tmp_path / 'my.py')
    shutil.copy(trained[1], tmp_path / 'epoch_7.pth')
    return tmp_path


def test_the_training_config_is_not_overwritten(trained_here):
    before = contents(trained_here)
    config, checkpoint = trained_here / 'my.py', trained_here / 'epoch_7.pth'
    with pytest.raises(
        ValueError, match=r'my\.py exists and is not part of an earlier'
    ):
        deploy_classifier(str(config), str(checkpoint), trained_here / 'my.pth')
    assert contents(trained_here) == before


def test_another_trained_checkpoint_is_not_overwritten(trained_here):
    shutil.copy(trained_here / 'epoch_7.pth', trained_here / 'epoch_9.pth')
    before = contents(trained_here)
    files = str(trained_here / 'my.py'), str(trained_here / 'epoch_7.pth')
    message = r'epoch_9\.pth exists and is not part of an earlier deployment; give'
    with pytest.raises(ValueError, match=message):
        deploy_classifier(*files, trained_here / 'epoch_9.pth')
    assert contents(trained_here) == before


def test_only_the_config_of_a_deployed_network_is_overwritten(trained_here):
    for text in ["model = dict(type='ImageClassifier')", 'this is (no config']:
        with named(text):
            (trained_here / 'small.py').write_text(text)
            before = contents(trained_here)
            files = str(trained_here / 'my.py'), str(trained_here / 'epoch_7.pth')
            with pytest.raises(
                ValueError, match=r'small\.py exists and is not part of an earlier'
            ):
                deploy_classifier(*files, trained_here / 'small.pth')
            assert contents(trained_here) == before


def test_a_script_in_the_place_of_the_config_is_not_run(trained_here):
    ran = trained_here / 'ran'
    script = f"open({str(ran)!r}, 'w')\nraise SystemExit(3)\n"
    for text in [script, script + 'model = dict(deploy=None)']:
        with named(text):
            (trained_here / 'small.py').write_text(text)
            with pytest.raises(
                ValueError, match=r'small\.py exists and is not part of an earlier'
            ):
                deploy_classifier('no', 'no', trained_here / 'small.pth')
            assert not ran.exists()


def test_a_folder_in_the_place_of_the_config_is_found_before_any_work(trained_here):
    (trained_here / 'small.py').mkdir()
    with pytest.raises(
        ValueError, match=r'small\.py exists and is not part of an earlier'
    ):
        deploy_classifier('no', str(trained_here / 'my.py'), trained_here / 'small.pth')


def test_a_checkpoint_at_a_url_replaces_an_earlier_deployment(
    trained, trained_here, monkeypatch
):
    def _load(filename, map_location):
        return torch.load(filename.removeprefix('disk://'), map_location)

    schemes = {'disk://': _load, **CheckpointLoader._schemes}
    monkeypatch.setattr(CheckpointLoader, '_schemes', schemes)
    (trained_here / 'small.pth').write_text('earlier')
    (trained_here / 'small.py').write_text('model = dict(deploy=dict(fold=True))')
    deploy_classifier(trained[0], f'disk://{trained[1]}', trained_here / 'small.pth')
    assert torch.load(trained_here / 'small.pth', weights_only=False)['state_dict']


def test_an_earlier_deployment_is_replaced(trained_here):
    files = str(trained_here / 'my.py'), str(trained_here / 'epoch_7.pth')
    deploy_classifier(*files, trained_here / 'small.pth', fold=False)
    deploy_classifier(*files, trained_here / 'small.pth')
    assert Config.fromfile(trained_here / 'small.py').model.deploy == dict(fold=True)


def test_a_deployment_that_is_interrupted_while_written_can_be_repeated(
    trained_here,
):
    files = str(trained_here / 'my.py'), str(trained_here / 'epoch_7.pth')

    def _interrupt(line):
        if line.startswith('wrote'):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy_classifier(*files, trained_here / 'small.pth', log=_interrupt)
    deploy_classifier(*files, trained_here / 'small.pth')
    assert torch.load(trained_here / 'small.pth')['state_dict']


def test_deployed_config_neither_resumes_nor_loads_other_weights():
    cfg = Config(dict(model=adf_cfg(), load_from='start.pth', resume=True))
    deployed = deployed_config(cfg, fold=True)
    assert (deployed.load_from, deployed.resume) == (None, False)
    assert (cfg.load_from, cfg.resume) == ('start.pth', True)
