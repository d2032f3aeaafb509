import pytest

from mmadf.analysis.report.configuration import (
    brief,
    hide_paths,
    read_configuration,
    summary,
)
from mmadf.engine.config_text import parse_config

TEXT = """
base_lr = 0.1
model = dict(
    type='ADFClassifier',
    backbone=dict(_scope_='mmpretrain', depth=18, type='ResNet'),
    data_preprocessor=dict(mean=[1.0]),
    mapper=dict(sources=(0, 1), type='Mapper'),
    neck=None,
    train_cfg=dict(augments=dict(alpha=0.2, type='Mixup')))
train_dataloader = dict(
    batch_size=8,
    dataset=dict(data_root='/home/me/my data/set', pipeline=[dict(type='Flip')],
        type='CustomDataset'))
default_hooks = dict(ema=dict(momentum=1e-4, type='EMAHook'), logger=dict(type='L'))
"""


def test_summary_has_the_fields_that_matter():
    assert summary(parse_config(TEXT), 3) == {
        'network': 'ADFClassifier',
        'backbone': 'ResNet(depth=18)',
        'mapper': 'Mapper(sources=[0, 1])',
        'training set': "CustomDataset(data_root='…/set')",
        'pipeline': '[Flip]',
        'batch augmentation': 'Mixup(alpha=0.2)',
        'batch size per process': '8',
        'hooks': '[EMAHook(momentum=0.0001)]',
        'seed': '3',
    }
    assert summary({}, None) == {}


def test_absolute_paths_lose_their_folders():
    texts = {
        "data_root='/home/me/my data/set/'": "data_root='…/set'",
        "'/home'": "'…/home'",
        "'~/set'": "'…/set'",
        "'file:///home/me/set.pth'": "'…/set.pth'",
        r"'C:\\Users\\me\\set'": "'…/set'",
        '"/home/o\'brien/set"': '"…/set"',
        "'python /home/me/run.py'": "'python …/run.py'",
        "a='b/c', d='/e/f'": "a='b/c', d='…/f'",
        'x = /home/me/set.py': 'x = …/set.py',
    }
    assert [hide_paths(text) for text in texts] == list(texts.values())


def test_other_text_stays():
    texts = [
        "data_root='data/set'",
        "'./data/set'",
        "'../data/set'",
        "'https://example.org/a/b.pth'",
        "'accuracy/top1'",
        'x = 3 / 4',
    ]
    assert [hide_paths(text) for text in texts] == texts


def test_nested_config_in_one_line():
    cfg = dict(a=dict(type='T'), b=[dict(c=1), 'd'], e=())
    assert brief(cfg) == "(a=T, b=[(c=1), 'd'], e=[])"


@pytest.fixture
def store(tmp_path):
    """Write the config of a start of a run, and a log unless it was a test."""

    def _store(start, text, log='scalars.json'):
        folder = tmp_path / start / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'config.py').write_text(text)
        (folder / log).touch()

    return _store


def test_config_of_the_last_start_is_compared_with_the_file(store, tmp_path):
    given = 'lr = 1\nx_dataloader = dict(batch_size=2)'
    store('20260101_000000', 'lr = 2')
    text = 'lr = 3\nx_dataloader = dict(batch_size=2, pin_memory=True)'
    store('20260102_000000', text)
    store('20260103_000000', 'lr = 4', log='a_test.json')
    changes = ['lr: 3 -> 1']
    expected = text, parse_config(text), changes
    assert read_configuration(tmp_path, given) == expected


def test_config_file_stands_for_a_run_that_has_stored_none(store, tmp_path):
    store('20260101_000000', 'lr = 2')
    (tmp_path / '20260101_000000/vis_data/config.py').unlink()
    assert read_configuration(tmp_path, 'lr = 1') == ('lr = 1', dict(lr=1), [])


def test_damaged_config_is_named(store, tmp_path):
    store('20260101_000000', 'a = (')
    with pytest.raises(ValueError, match='20260101_000000/vis_data/config.py: '):
        read_configuration(tmp_path, '')
