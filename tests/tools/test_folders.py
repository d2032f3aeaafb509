"""The tools write model folders, and take them instead of config and checkpoint."""

import json
import re

import mmengine
import mmpretrain
import pytest
import torch
from torch.testing import assert_close

import mmadf
from mmadf.deployment.network import prepare
from mmadf.weights.load import load_network, read_config
from tests.helpers import named, randomise

pytest.importorskip('safetensors')
DEPLOY = 'model_converters/deploy.py'
RECORDS = [
    dict(step=4, epoch=1, loss=0.5, time=0.1),
    dict(step=1, **{'accuracy/top1': 62.5}),
    dict(step=8, epoch=2, loss=0.4, time=0.1),
    dict(step=2, **{'accuracy/top1': 87.5}),
    dict(step=12, epoch=3, loss=0.3, time=0.1),
    dict(step=3, **{'accuracy/top1': 75.0}),
]


@pytest.fixture
def trained(job, tmp_path):
    """Return config and checkpoint of an ADF network, with the log of its training."""
    work_dir = tmp_path / 'work'
    log = work_dir / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(''.join(f'{json.dumps(record)}\n' for record in RECORDS))
    torch.manual_seed(0)
    network = randomise(mmpretrain.get_model(str(job)), 0.2)
    meta = dict(epoch=2, dataset_meta=dict(classes=('dark', 'light')))
    torch.save(dict(state_dict=network.state_dict(), meta=meta), work_dir / 'best.pth')
    return job, work_dir / 'best.pth'


@torch.no_grad()
def logits(network):
    return network(torch.linspace(-1, 1, 3 * 16 * 16).view(1, 3, 16, 16).sin())


def test_deploy_writes_the_deployed_network_with_its_card(trained, tool, tmp_path):
    folder = tmp_path / 'small'
    tool(DEPLOY, *trained, f'{folder}/')
    small = mmadf.from_pretrained(folder)
    expected, _ = load_network(read_config(str(trained[0])), trained[1])
    assert_close(logits(small), logits(expected), rtol=1e-5, atol=1e-5)
    assert small.deployed and small.appearance_head is None
    assert {path.name for path in folder.iterdir()} == {
        *('README.md', 'config.json', 'model.safetensors'),
    }
    card = (folder / 'README.md').read_text()
    assert '| accuracy/top1 | 87.50 |' in card and 'after epoch 2' in card
    count = sum(p.numel() for p in small.parameters()) / 1e6
    assert f'{count:.2f} M parameters' in card and 'deployed form' in card
    assert '2: dark, light' in card and '- optimizer: SGD' in card
    assert str(tmp_path) not in card + (folder / 'config.json').read_text()


def test_card_says_nothing_of_a_training_without_a_log(trained, tool, tmp_path):
    config, checkpoint = trained
    alone = tmp_path / 'alone.pth'
    checkpoint.rename(alone)
    tool(DEPLOY, config, alone, f'{tmp_path / "small"}/')
    card = (tmp_path / 'small' / 'README.md').read_text()
    assert card.count('Not known: there is no training log beside the checkpoint') == 2
    assert 'SGD' not in card


GREY = """
test_dataloader['dataset']['pipeline'] = [
    dict(type='LoadImageFromFile'),
    dict(type='NumpyToPIL'),
    dict(type='torchvision/Grayscale', num_output_channels=3),
    dict(type='PILToNumpy'),
    dict(type='PackInputs'),
]
"""


def test_deploy_names_what_a_folder_cannot_contain_in_one_line(
    trained, tool, tmp_path, capsys
):
    config, checkpoint = trained
    config.write_text(config.read_text() + GREY)
    with pytest.raises(SystemExit) as stopped:
        tool(DEPLOY, config, checkpoint, f'{tmp_path / "small"}/')
    error = capsys.readouterr().err.splitlines()[-1]
    assert stopped.value.code == 2
    assert "deploy.py: error: test_pipeline[2].type='torchvision/Grayscale' is" in error
    assert not (tmp_path / 'small').exists()


@pytest.mark.slow
def test_deploy_writes_the_whole_network_and_keeps_its_card(trained, tool, tmp_path):
    folder = tmp_path / 'whole'
    tool(DEPLOY, *trained, folder, '--whole')
    (folder / 'README.md').write_text('edited')
    tool(DEPLOY, *trained, folder, '--whole')
    expected, _ = load_network(read_config(str(trained[0])), trained[1])
    whole = mmadf.from_pretrained(folder)
    assert_close(logits(whole), logits(expected), rtol=0, atol=0)
    assert not whole.deployed
    assert (folder / 'README.md').read_text() == 'edited'
    tool(DEPLOY, folder, tmp_path / 'small')  # a folder instead of both files
    small = mmadf.from_pretrained(tmp_path / 'small')
    assert_close(logits(small), logits(expected), rtol=1e-5, atol=1e-5)


def test_a_folder_is_tested_like_config_and_checkpoint(
    trained, tool, tmp_path, image_folder
):
    folder = tmp_path / 'folder'
    tool(DEPLOY, *trained, folder, '--whole')
    work_dir = '--work-dir', tmp_path / 'tests'
    tool('test.py', *trained, '--out', tmp_path / 'a.pkl', *work_dir)
    data = '--data', image_folder / 'val'
    shown = '--show-dir', tmp_path / 'shown'
    tool('test.py', folder, *data, '--out', tmp_path / 'b.pkl', *work_dir, *shown)
    shown = {file.relative_to(shown[1]) for file in shown[1].glob('*/*')}
    images = (image.relative_to(data[1]) for image in data[1].glob('*/*'))
    assert shown == {image.with_suffix('.png_0.png') for image in images}
    expected, found = (
        {
            re.sub('.*/val/', '', sample['img_path']): sample['pred_score']
            for sample in mmengine.load(tmp_path / name)
        }
        for name in ('a.pkl', 'b.pkl')
    )
    assert len(found) == 8
    assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_images_of_other_classes_are_refused(trained, tool, tmp_path, capsys):
    folder, images = tmp_path / 'folder', tmp_path / 'others'
    tool(DEPLOY, *trained, folder)
    for name in ('light', 'zebra'):
        (images / name).mkdir(parents=True)
        (images / name / '0.png').touch()
    with pytest.raises(SystemExit) as left:
        tool('test.py', folder, '--data', images, '--work-dir', tmp_path / 'tests')
    assert left.value.code == 2
    assert "class 0 of the test set is 'light', but 'dark'" in capsys.readouterr().err


def test_a_network_of_several_labels_is_not_tested_on_a_folder_of_images(
    trained, tool, tmp_path, image_folder, capsys
):
    cfg = read_config(str(trained[0]))
    cfg.model.head.type = 'MultiLabelLinearClsHead'
    mmadf.save_pretrained(mmpretrain.get_model(cfg), tmp_path / 'folder', cfg)
    data = '--data', image_folder / 'val', '--work-dir', tmp_path / 'tests'
    with pytest.raises(SystemExit) as left:
        tool('test.py', tmp_path / 'folder', *data)
    assert left.value.code == 2
    message = 'MultiLabelLinearClsHead predicts more than one label per image'
    assert message in capsys.readouterr().err


def test_arguments_that_do_not_fit_a_folder(tool, job, tmp_path, capsys):
    for arguments, message in [
        (['test.py', '{folder}'], '--data DIR must be given for a model folder'),
        (['test.py', '{job}', 'a.pth', '--data', '.'], 'and only for one'),
        (['test.py', '{job}'], 'is not a model folder; give its checkpoint'),
        (['export.py', '{job}', 'net.onnx'], 'is not a model folder; give its'),
        (
            [DEPLOY, '{job}', 'a.pth', 'b.pth', '--whole'],
            '--whole needs a model folder',
        ),
    ]:
        with named(arguments):
            names = dict(folder=tmp_path, job=job)
            with pytest.raises(SystemExit) as left:
                tool(*(text.format(**names) for text in arguments))
            assert left.value.code == 2
            assert message in capsys.readouterr().err


def test_a_folder_has_what_an_export_stores(trained, tool, tmp_path):
    tool(DEPLOY, *trained, tmp_path / 'small')
    cfg = read_config(str(tmp_path / 'small'))
    model, meta = load_network(cfg, tmp_path / 'small')
    exported = prepare(model, cfg, meta, (16, 16), True, True, print)
    assert json.loads(exported.metadata['classes']) == ['dark', 'light']
    assert json.loads(exported.metadata['mean']) == pytest.approx([127.5] * 3, abs=30)
