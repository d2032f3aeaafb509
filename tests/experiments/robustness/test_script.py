"""Robustness as a command, on a small network: tables, resumption, comparison."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from mmadf.experiments.reports import read_robustness_report
from tests.conftest import ROOT
from tests.scripts import call_script

SCRIPT, COMPARE = 'tools/robustness.py', 'tools/analysis/robustness.py'
QUICK = ('--eps', 2, 255, '--steps', 2, '--batch-size', 5, '--limit', 10)


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a script; return exit code, output and errors."""

    def _call(*words):
        return call_script(monkeypatch, capsys, *words)

    return _call


@pytest.fixture
def refused(call):
    """Run a script that must end with code 2; return the last line of its errors."""

    def _refused(*words):
        code, printed, errors = call(*words)
        assert (code, printed) == (2, '')
        assert 'Traceback' not in errors
        return errors.splitlines()[-1]

    return _refused


@pytest.mark.slow
def test_script_reports_resumes_and_compares(call, refused, trained, tmp_path):
    for package in ('art', 'imagecorruptions', 'torchmetrics', 'matplotlib'):
        pytest.importorskip(package)
    out = tmp_path / 'out'
    command = (SCRIPT, *trained, '--out', out, '--transfer', *trained, *QUICK)
    small = ('--attacks', 'fgsm', 'pgd', '--corruptions', 'fog', '--severities', 1, 3)
    _, table, _ = call(*command, *small)
    assert '| white-box attack: top-1 (%) at eps | 2/255 | 255/255 | time (s)' in table
    assert '| corruption: top-1 (%) at severity | 1 | 3 | time (s) |' in table
    assert 'batch_size 5' in table and 'device cpu' in table
    assert (out / 'table.md').read_text().strip() in table
    assert (out / 'robustness.png').read_bytes().startswith(b'\x89PNG')
    lines = (out / 'records.jsonl').read_text().splitlines()
    assert len(lines) == 2 * (1 + 4 + 4 + 2)
    rows, _ = read_robustness_report(out)
    own, transferred = (
        [r.accuracy for r in rows if (r.kind, r.name) == (kind, 'fgsm')]
        for kind in ('attack', 'transfer')
    )
    assert own == transferred  # the source is the network itself

    more = ('--attacks', 'fgsm', '--corruptions', 'none')
    assert '| fog |' in call(*command, *more)[1]
    assert (out / 'records.jsonl').read_text().splitlines() == lines
    assert "{'seed': 0}, now {'seed': 1}" in refused(*command, *more, '--seed', 1)

    figure = tmp_path / 'both.png'
    code, both, _ = call(COMPARE, figure, f'one={out}', f'two={out}')
    assert code == 0 and '| top-1 (%) | one | two |' in both
    assert figure.read_bytes().startswith(b'\x89PNG')
    other = tmp_path / 'other'
    call(SCRIPT, *trained, '--out', other, *QUICK, *more, '--seed', 1)
    assert "'seed': 1" in refused(COMPARE, figure, f'one={out}', f'two={other}')
    for seed in (1, 2):
        shutil.copytree(out, tmp_path / 'seeds' / f'seed{seed}')
    code, spread, _ = call(COMPARE, figure, f'a={tmp_path / "seeds"}')
    clean = next(row.accuracy for row in rows if row.kind == 'clean')
    assert code == 0 and f'| clean | {clean:.2f} ± 0.00 |' in spread
    assert figure.with_suffix('.md').read_text().strip() in spread


@pytest.mark.slow
def test_other_images_are_neither_added_nor_compared(call, refused, trained, tmp_path):
    pytest.importorskip('torchmetrics')
    nothing = ('--attacks', '--corruptions', 'none')
    one, two = tmp_path / 'one', tmp_path / 'two'
    call(SCRIPT, *trained, '--out', one, *nothing)
    folder = trained[0].parent / 'images'
    (folder / 'dark' / '004.png').rename(folder / 'light' / '005.png')
    assert "{'data': '" in refused(SCRIPT, *trained, '--out', one, *nothing)
    call(SCRIPT, *trained, '--out', two, *nothing)
    message = refused(COMPARE, tmp_path / 'both.png', f'one={one}', f'two={two}')
    assert "'data': '" in message and 'the same options and images' in message


def test_comparison_refuses_invalid_networks(refused):
    for words, message in (
        (['a'], "'a' is not of the form NAME=DIR"),
        (['a=x', 'a=y'], 'a: give each a name of its own'),
        (['a=missing'], 'missing/results.json does not exist'),
    ):
        assert message in refused(COMPARE, 'out.png', *words)


def test_comparison_refuses_results_inside_a_folder_with_results(refused, tmp_path):
    for folder in (tmp_path, tmp_path / 'more'):
        folder.mkdir(exist_ok=True)
        (folder / 'results.json').write_text('{}')
    message = refused(COMPARE, tmp_path / 'out.png', f'a={tmp_path}')
    assert f'{tmp_path} has a results.json, and so has {tmp_path / "more"}' in message


@pytest.mark.slow
def test_interrupted_run_keeps_its_results(trained, tmp_path):
    pytest.importorskip('art')
    pytest.importorskip('torchmetrics')
    out = tmp_path / 'out'
    options = ['--attacks', 'pgd', '--corruptions', 'none', '--steps', '100000']
    process = subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, trained), '--out', str(out), *options],
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
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
    assert f'repeat the command to resume {out}' in log
    (clean,), _ = read_robustness_report(out)
    assert (clean.kind, clean.images) == ('clean', 10)
    (line,) = (out / 'records.jsonl').read_text().splitlines()
    assert json.loads(line)['condition'] == ['clean', '', 0.0]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--eps', '0'], '--eps [0.0] must be in (0, 255]'),
        (['--severities', '6'], '--severities: invalid choice: 6'),
        (['--batch-size', '0'], '--batch-size 0 must be positive'),
        (['--corruptions', 'rain'], "corruptions=['rain'] must be"),
        (['--cfg-options', 'test_dataloader.dataset.data_root=gone'], "'gone'"),
        (['--cfg-options', 'modle.head.topk=1'], 'modle'),
    ],
    ids=lambda value: ' '.join(value[:2]) if isinstance(value, list) else '',
)
def test_invalid_input_is_refused_in_one_line(words, message, refused, trained):
    assert message in refused(SCRIPT, *trained, *words)


def test_missing_files_are_refused_in_one_line(refused, trained):
    assert 'gone.py' in refused(SCRIPT, 'gone.py', trained[1])
    assert 'gone.pth' in refused(SCRIPT, trained[0], 'gone.pth')


def test_weights_of_another_network_are_refused(refused, trained, tmp_path):
    torch.save(dict(state_dict=dict(a=torch.ones(1))), tmp_path / 'other.pth')
    message = refused(SCRIPT, trained[0], tmp_path / 'other.pth')
    assert 'other.pth' in message and 'does not fit the network' in message


def test_missing_package_is_named_before_anything_is_tested(
    refused, trained, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'torchmetrics', None)
    assert 'pip install torchmetrics' in refused(SCRIPT, *trained)
