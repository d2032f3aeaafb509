"""What tools/test.py tests and writes."""

import json
import runpy

import mmpretrain
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook, LoggerHook

from tests.conftest import ROOT


@pytest.mark.parametrize('kind', ['EMAHook', 'mmengine.EMAHook', EMAHook])
def test_augmented_tests_drop_the_averaging_hook_in_any_form_and_no_other(kind):
    others = [dict(type=LoggerHook), dict(type='WorkerSeedHook'), None]
    cfg = Config(
        dict(
            default_hooks=dict(ema=dict(type=kind), logger=others[0], timer=None),
            custom_hooks=[*others, dict(type=kind, momentum=0.5)],
        )
    )
    runpy.run_path(str(ROOT / 'tools/test.py'))['drop_ema'](cfg)
    assert cfg.default_hooks == dict(logger=others[0], timer=None)
    assert cfg.custom_hooks == others


@pytest.mark.slow
def test_a_confusion_matrix_is_written_to_the_file_of_metrics(job, tool, tmp_path):
    weights = mmpretrain.get_model(str(job)).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'a.pth')
    evaluator = "test_evaluator = [dict(type='ConfusionMatrix'), dict(type='Accuracy')]"
    job.write_text(f'{job.read_text()}\n{evaluator}\n')
    out = tmp_path / 'metrics.json'
    words = (job, tmp_path / 'a.pth', '--work-dir', tmp_path / 'out', '--out', out)
    tool('test.py', *words, '--out-item', 'metrics')
    metrics = json.loads(out.read_text())
    matrix = metrics['confusion_matrix/result']
    assert [sum(row) for row in matrix] == [4, 4]  # images of each class
    correct = matrix[0][0] + matrix[1][1]
    assert metrics['accuracy/top1'] == pytest.approx(100 * correct / 8)
