"""What identifies a run: its config, images and initial weights, wherever they lie."""

import hashlib
import shutil

import numpy as np
import pytest
from mmengine.config import Config
from mmpretrain.datasets import CustomDataset
from mmpretrain.registry import DATASETS

from mmadf.experiments.studies.identity import describe_run
from tests.conftest import write_images


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path / 'here' / 'images', per_class=3)


def described(root, seed=0, lr=0.1, fields=None, **dataset):
    dataset = dict(type='CustomDataset', data_root=str(root), **dataset)
    loader = dict(batch_size=2, dataset=dict(dataset, pipeline=[dict(type='Flip')]))
    known = dict(lr=lr, randomness=dict(seed=seed), train_dataloader=loader)
    cfg = Config({**known, **(fields or {})})
    before = cfg.pretty_text
    found = describe_run(cfg, ['train'], {})
    assert cfg.pretty_text == before
    return found


def test_config_is_kept_without_seed_and_place(images):
    found = described(images, seed=3)
    assert (found['seed'], found['data']['train']['images']) == (3, 6)
    dataset = dict(type='CustomDataset', pipeline=[dict(type='Flip')])
    loader = dict(batch_size=2, dataset=dataset)
    assert found['config'] == dict(lr=0.1, randomness={}, train_dataloader=loader)


def test_seed_and_place_change_no_hash_and_settings_do(images, tmp_path):
    first = described(images)
    moved = shutil.copytree(images, tmp_path / 'there')
    for same in (described(images, seed=1), described(moved)):
        assert same['config_hash'] == first['config_hash']
        assert same['data'] == first['data']
    assert described(images, lr=0.2)['config_hash'] != first['config_hash']


def rename(folder):
    (folder / '000.png').rename(folder / 'x.png')


def relabel(folder):
    shutil.move(folder / '002.png', folder.parent / 'light' / '003.png')


def remove(folder):
    (folder / '001.png').unlink()


def resize(folder):
    with open(folder / '001.png', 'ab') as file:
        file.write(b'0')


def test_other_images_change_the_hash_of_the_data_alone(images):
    before = described(images)
    for change in (rename, relabel, resize, remove):
        change(images / 'dark')
        after = described(images)
        assert after['data']['train']['hash'] != before['data']['train']['hash']
        assert after['config_hash'] == before['config_hash']
        before = after


def test_list_of_images_is_part_of_the_data(images, tmp_path):
    lists = tmp_path / 'few.txt', tmp_path / 'again.txt'
    for path in lists:
        path.write_text('dark/000.png 0\nlight/001.png 1\n')
    few, again = (described(images, ann_file=str(path)) for path in lists)
    assert few == again
    assert few['data']['train']['images'] == 2


def test_pixels_are_hashed_where_images_are_in_memory(monkeypatch):
    class InMemory(CustomDataset):
        def load_data_list(self):
            return [dict(img=pixels, gt_label=0)]

    monkeypatch.setitem(DATASETS.module_dict, 'CustomDataset', InMemory)
    hashes = []
    for value in (1, 1, 2):
        pixels = np.full((2, 2, 3), value, np.uint8)
        hashes.append(described('memory')['data']['train']['hash'])
    assert hashes[0] == hashes[1] != hashes[2]


def init(path):
    cfg = dict(type='Pretrained', checkpoint=str(path))
    return dict(model=dict(stages=[dict(type='A', init_cfg=cfg)]))


def branches(path):
    fields = dict(checkpoint='https://x/a.pth', appearance_checkpoint=str(path))
    return dict(model=dict(backbone=dict(pretrained_branches=fields)))


def pretrained(path):
    return dict(model=dict(backbone=dict(pretrained=str(path))))


def load_from(path):
    return dict(load_from=str(path))


@pytest.mark.parametrize('fields', [init, branches, pretrained, load_from])
def test_weights_are_identified_by_their_content(fields, images, tmp_path):
    here, there = tmp_path / 'a.pth', tmp_path / 'b.pth'
    here.write_bytes(b'weights')
    first = described(images, fields=fields(here))
    digest = hashlib.sha256(b'weights').hexdigest()[:16]
    config = first['config']
    assert config == {**config, **fields(f'sha256:{digest}')}
    shutil.copy(here, there)
    assert described(images, fields=fields(there)) == first
    here.write_bytes(b'others!')
    others = described(images, fields=fields(here))
    assert others['config_hash'] != first['config_hash']
    assert others['data'] == first['data']


def test_model_folder_is_identified_by_its_weights(images, tmp_path):
    (tmp_path / 'folder').mkdir()
    for path in (tmp_path / 'folder' / 'model.safetensors', tmp_path / 'net.pth'):
        path.write_bytes(b'weights')
    (tmp_path / 'folder' / 'README.md').write_text('edited')
    folder, file = (
        described(images, fields=init(tmp_path / name))
        for name in ('folder', 'net.pth')
    )
    assert folder == file


def test_addresses_and_runs_without_weights_are_as_they_are_written(images):
    for fields in (init('torchvision://resnet50'), load_from(''), dict(load_from=None)):
        config = described(images, fields=fields)['config']
        assert config == {**config, **fields}


def test_missing_weights_are_refused(images, tmp_path):
    with pytest.raises(
        FileNotFoundError, match="checkpoint='.*gone.pth' does not exis"
    ):
        described(images, fields=init(tmp_path / 'gone.pth'))


def test_labels_of_a_list_are_part_of_the_data(images, tmp_path):
    hashes = set()
    for labels in ((0, 1), (1, 0)):
        path = tmp_path / 'few.txt'
        path.write_text('dark/000.png {}\nlight/001.png {}\n'.format(*labels))
        hashes.add(described(images, ann_file=str(path))['data']['train']['hash'])
    assert len(hashes) == 2
