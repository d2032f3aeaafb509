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


def test_augmented_tests_flip_each_image_of_wrapped_test_sets():
    load, pack = dict(type='LoadImageFromFile'), dict(type='PackInputs')
    inner = [dict(type='CustomDataset', pipeline=[load, pack]) for _ in range(2)]
    parts = [dict(type='RepeatDataset', times=1, dataset=inner[0]), inner[1]]
    dataset = dict(type='ConcatDataset', datasets=parts)
    cfg = Config(dict(model=dict(), test_dataloader=dict(dataset=dataset)))
    runpy.run_path(str(ROOT / 'tools/test.py'))['add_tta'](cfg)
    first, second = cfg.test_dataloader.dataset.datasets
    flips = [dict(type='RandomFlip', prob=prob) for prob in (1.0, 0.0)]
    views = dict(type='TestTimeAug', transforms=[flips, [pack]])
    assert first.dataset.pipeline == second.pipeline == [load, views]
    assert 'pipeline' not in cfg.test_dataloader.dataset


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
