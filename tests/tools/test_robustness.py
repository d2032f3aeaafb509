"""The scripts, on a small network: tables, going on, comparing."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib import util

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.experiments.robustness import (
    identify,
    load_images,
    load_pixel_network,
    read_results,
)
from mmadf.registry import MODELS
from tests.conftest import ROOT, write_images
from tests.helpers import CHANNELS, backbone_cfg, randomise

SCRIPT = ROOT / 'tools/robustness.py'
CONFIG = """
default_scope = 'mmpretrain'
custom_imports = dict(imports=['mmadf'], allow_failed_imports=False)
model = {model}
data_preprocessor = dict(mean=[120.0] * 3, std=[60.0] * 3, to_rgb=True)
test_dataloader = dict(
    dataset=dict(
        type='CustomDataset',
        data_root='{data}',
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
    )
)
"""


@pytest.fixture
def files(tmp_path):
    """Return config and checkpoint of a network of two classes, 32 pixels."""
    data = write_images(tmp_path / 'images', per_class=5, size=32)
    model = dict(
        type='ImageClassifier',
        backbone=backbone_cfg(),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=2, in_channels=CHANNELS[-1]),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        weights = randomise(MODELS.build(model), std=0.1).state_dict()
    config, checkpoint = tmp_path / 'net.py', tmp_path / 'net.pth'
    config.write_text(CONFIG.format(model=model, data=data))
    torch.save(dict(state_dict=weights), checkpoint)
    return config, checkpoint


@pytest.mark.parametrize(
    ('limit', 'picked'), [(0, range(10)), (4, (0, 2, 5, 7)), (99, range(10))]
)
def test_images_are_spread_over_a_sorted_set(files, limit, picked):
    cfg = Config.fromfile(files[0])
    whole, labels = load_images(cfg)
    assert labels.tolist() == [0] * 5 + [1] * 5
    images, found = load_images(cfg, limit)
    assert torch.equal(images, whole[list(picked)])
    assert torch.equal(found, labels[list(picked)])


def test_images_of_several_sizes_are_refused(files):
    cfg = Config.fromfile(files[0])
    folder = files[0].parent / 'images' / 'dark'
    large = write_images(files[0].parent / 'large', per_class=1, size=40)
    (large / 'dark' / '000.png').rename(folder / 'large.png')
    with pytest.raises(ValueError, match='end with a Resize or CenterCrop to one size'):
        load_images(cfg)


def test_weights_of_another_network_are_refused(files, tmp_path):
    torch.save(dict(state_dict=dict(a=torch.ones(1))), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='give a checkpoint of this config'):
        load_pixel_network(Config.fromfile(files[0]), tmp_path / 'other.pth')


def test_a_network_is_told_by_its_weights_and_its_config(files, tmp_path):
    cfg = Config.fromfile(files[0])
    network = identify(cfg, files[1])
    assert network == identify(Config.fromfile(files[0]), files[1])
    assert network.startswith('net.pth ')
    other = tmp_path / 'other' / 'net.pth'
    other.parent.mkdir()
    other.write_bytes(files[1].read_bytes() + b'x')
    cfg.model.head.topk = (1,)
    assert len({network, identify(cfg, files[1]), identify(cfg, other)}) == 3


def module(path, name):
    spec = util.spec_from_file_location(name, path)
    found = util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def script():
    """Return tools/robustness.py as a module, without a trace in this process."""
    handler = signal.getsignal(signal.SIGTERM)
    yield module(SCRIPT, 'robustness_script')
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the main function of a script; return what it prints."""

    def _call(loaded, *words):
        monkeypatch.setattr(sys, 'argv', ['script.py', *map(str, words)])
        loaded.main()
        return capsys.readouterr().out

    return _call


QUICK = ('--eps', 2, 255, '--steps', 2, '--batch-size', 5, '--limit', 10)


def test_the_script_reports_goes_on_and_compares(script, call, files, tmp_path):
    for package in ('art', 'imagecorruptions', 'torchmetrics', 'matplotlib'):
        pytest.importorskip(package)
    out = tmp_path / 'out'
    command = (script, *files, '--out', out, '--transfer', *files, *QUICK)
    small = ('--attacks', 'fgsm', 'pgd', '--corruptions', 'fog', '--severities', 1, 3)
    table = call(*command, *small)
    assert '| attack: top-1 (%) at eps | 2/255 | 255/255 | seconds |' in table
    assert '| top-1 (%) at severity | 1 | 3 | seconds |' in table
    assert 'batch_size 5' in table and 'device cpu' in table
    assert (out / 'table.md').read_text().strip() in table
    lines = (out / 'records.jsonl').read_text().splitlines()
    assert len(lines) == 2 * (1 + 4 + 4 + 2)
    rows, _ = read_results(out / 'results.json')
    own, away = (
        [r.accuracy for r in rows if (r.kind, r.name) == (kind, 'fgsm')]
        for kind in ('attack', 'transfer')
    )
    assert own == away  # its own copy is the other network

    more = ('--attacks', 'fgsm', '--corruptions', 'none')
    assert '| fog |' in call(*command, *more)
    assert (out / 'records.jsonl').read_text().splitlines() == lines
    with pytest.raises(ValueError, match="results of other settings: {'seed': 0}"):
        call(*command, *more, '--seed', 1)

    picture = tmp_path / 'both.png'
    compare = module(ROOT / 'tools/analysis/robustness.py', 'robustness_comparison')
    both = call(compare, picture, f'one={out}', f'two={out}')
    assert '| top-1 (%) | one | two |' in both
    assert picture.read_bytes().startswith(b'\x89PNG')
    other = tmp_path / 'other'
    call(script, *files, '--out', other, *QUICK, *more, '--seed', 1)
    with pytest.raises(ValueError, match="two was tested with .*'seed': 1}, one with"):
        call(compare, picture, f'one={out}', f'two={other}')


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['a'], "'a' is not of the form NAME=DIR"),
        (['a=x', 'a=y'], 'a: give each a name of its own'),
        (['a=missing'], 'no missing/results.json; run tools/robustness.py'),
    ],
)
def test_what_cannot_be_compared_is_named(words, message, monkeypatch, capsys):
    compare = module(ROOT / 'tools/analysis/robustness.py', 'robustness_comparison')
    monkeypatch.setattr(sys, 'argv', ['robustness.py', 'out.png', *words])
    with pytest.raises(SystemExit):
        compare.parse_args()
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ('corruptions', 'expected'), [(['none'], []), (['fog', 'snow'], ['fog', 'snow'])]
)
def test_all_attacks_but_autoattack_are_transferred(
    corruptions, expected, script, files, monkeypatch
):
    words = [*files, '--eps', 3, '--severities', 2, '--corruptions', *corruptions]
    monkeypatch.setattr(sys, 'argv', ['x', *map(str, [*words, '--transfer', *files])])
    plan = script.plan(script.parse_args())
    assert [condition.key for condition in plan] == [
        'clean//0',
        *(f'attack/{name}/3' for name in ('fgsm', 'bim', 'pgd', 'autoattack')),
        *(f'transfer/{name}/3' for name in ('fgsm', 'bim', 'pgd')),
        *(f'corruption/{name}/2' for name in expected),
    ]


@pytest.mark.slow
def test_a_stopped_run_keeps_what_it_has(files, tmp_path):
    pytest.importorskip('art')
    pytest.importorskip('torchmetrics')
    out = tmp_path / 'out'
    path = ':'.join([str(ROOT), *filter(None, sys.path)])
    options = ['--attacks', 'pgd', '--corruptions', 'none', '--steps', '100000']
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, files), '--out', str(out), *options],
        env={**os.environ, 'PYTHONPATH': path},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(600):
            if (out / 'results.json').exists() or process.poll() is not None:
                break
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert 'the same command goes on' in log
    (clean,), _ = read_results(out / 'results.json')
    assert (clean.kind, clean.images) == ('clean', 10)
    assert 'clean' in json.loads((out / 'records.jsonl').read_text())['condition']


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--eps', '0'], 'give values in (0, 255], in units of 1/255'),
        (['--severities', '6'], 'are counted from 1 to 5'),
        (['--attacks', 'cw'], "invalid choice: 'cw'"),
        (['--steps', '0'], 'sizes and counts must be positive'),
        (['--transfer', 'a.py', 'missing.pth'], 'no such checkpoint: missing.pth'),
    ],
)
def test_bad_arguments_are_named(words, message, files, script, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['robustness.py', *map(str, files), *words])
    with pytest.raises(SystemExit):
        script.parse_args()
    assert message in capsys.readouterr().err
