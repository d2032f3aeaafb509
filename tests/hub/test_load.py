"""Networks from model folders: the same predictions."""

from unittest import mock

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from mmpretrain import ImageClassificationInferencer
from mmpretrain.registry import DATASETS
from safetensors.torch import load_file
from torch.testing import assert_close

import mmadf
from mmadf.utils.images import EXTENSIONS
from mmadf.weights.load import read_config
from mmadf.weights.pretrained import load_branches
from tests.hub.conftest import CLASSES, PLAIN, adf, build, config


def test_a_folder_gives_the_same_logits(network, folder):
    loaded = mmadf.from_pretrained(folder)
    images = torch.randn(2, 3, 32, 32)
    assert_close(loaded(images), network(images), rtol=0, atol=0)
    assert not loaded.training


def test_the_inferencer_predicts_with_the_preprocessing_of_the_folder(network, folder):
    image = np.random.default_rng(0).integers(0, 256, (36, 40, 3), dtype=np.uint8)
    loaded = mmadf.from_pretrained(str(folder))
    found = ImageClassificationInferencer(loaded)(image)[0]
    # BGR pixels, channels last -> the centre, RGB, (1, 3, 32, 32)
    centre = torch.from_numpy(image[2:34, 4:36, ::-1].copy()).permute(2, 0, 1)[None]
    normalised = network.data_preprocessor(dict(inputs=centre.flip(1)))['inputs']
    scores = network(normalised).softmax(1)[0].detach()
    assert_close(torch.from_numpy(found['pred_scores']), scores)
    assert found['pred_class'] == CLASSES[scores.argmax()]


def test_images_of_all_formats_of_the_own_images_are_tested(folder, tmp_path):
    for ending in EXTENSIONS:
        path = tmp_path / 'images/ant' / f'0{ending}'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    dataset = read_config(str(folder)).test_dataloader.dataset
    dataset.update(data_root=str(tmp_path / 'images'), metainfo=dict(classes=['ant']))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        assert len(DATASETS.build(dataset)) == len(EXTENSIONS)


def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub():
    with pytest.raises(FileNotFoundError, match="folder='/no/folder' does not exist;"):
        mmadf.from_pretrained('/no/folder')


def test_a_folder_initialises_both_branches(tmp_path):
    single = config(PLAIN)
    mmadf.save_pretrained(build(PLAIN), tmp_path / 'single', single)
    network = build(adf())
    reports = load_branches(network, str(tmp_path / 'single'))
    weights = load_file(tmp_path / 'single' / 'model.safetensors')
    for prefix in ('', 'appearance_'):
        state = network.state_dict()
        found = {name: state[f'{prefix}{name}'] for name in weights}
        assert_close(found, weights, rtol=0, atol=0)
    assert not reports['semantic'].missing


def test_a_checkpoint_of_the_host_may_be_a_folder(folder, network):
    fresh = build(adf())
    with torch.no_grad():
        fresh.head.fc.bias += 1
    content = load_checkpoint(fresh, str(folder))
    assert_close(dict(fresh.state_dict()), dict(network.state_dict()))
    assert content['meta'] == dict(dataset_meta=dict(classes=CLASSES))


def test_a_repository_is_downloaded_without_its_other_files(
    folder, network, monkeypatch
):
    calls = []

    def _download(*arguments, **options):
        calls.append((arguments, options))
        return str(folder)

    hub = pytest.importorskip('huggingface_hub')
    monkeypatch.setattr(hub, 'snapshot_download', _download)
    loaded = mmadf.from_pretrained('user/name', revision='v1')
    images = torch.randn(2, 3, 32, 32)
    assert_close(loaded(images), network(images), rtol=0, atol=0)
    (((repository,), options),) = calls
    assert (repository, options['revision']) == ('user/name', 'v1')
    assert options['allow_patterns'] == [
        'README.md',
        'config.json',
        'model.safetensors',
    ]


def test_a_repository_that_cannot_be_downloaded(monkeypatch):
    hub = pytest.importorskip('huggingface_hub')
    monkeypatch.setattr(
        hub, 'snapshot_download', mock.Mock(side_effect=OSError('gone'))
    )
    with pytest.raises(FileNotFoundError, match="'user/name' is neither .*: gone"):
        mmadf.from_pretrained('user/name')


def test_push_uploads_the_three_files(folder, monkeypatch):
    hub = pytest.importorskip('huggingface_hub')
    api = mock.Mock()
    api.upload_folder.return_value.commit_url = 'https://host.invalid/commit'
    monkeypatch.setattr(hub, 'HfApi', lambda token: api)
    (folder / 'secret.txt').touch()
    url = mmadf.push_to_hub(folder, 'user/name', private=True)
    assert url == 'https://host.invalid/commit'
    api.create_repo.assert_called_once_with('user/name', private=True, exist_ok=True)
    options = api.upload_folder.call_args.kwargs
    assert (options['repo_id'], options['folder_path']) == ('user/name', folder)
    assert 'secret.txt' not in options['allow_patterns']
    assert api.create_repo.call_count == 1


@pytest.mark.parametrize('name', ['config.json', 'model.safetensors', 'README.md'])
def test_push_of_an_incomplete_folder_creates_no_repository(folder, monkeypatch, name):
    hub = pytest.importorskip('huggingface_hub')
    api = mock.Mock()
    monkeypatch.setattr(hub, 'HfApi', lambda token: api)
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f'has no {name}'):
        mmadf.push_to_hub(folder, 'user/name')
    assert api.mock_calls == []
