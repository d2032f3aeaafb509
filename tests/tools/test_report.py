"""Reports of runs with an exponential moving average of the weights."""

import base64
import io
import re

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from PIL import Image

from mmadf.weights.load import load_network

for package in ('captum', 'matplotlib', 'torchmetrics', 'tqdm'):
    pytest.importorskip(package)
pytestmark = pytest.mark.slow

EMA = """
default_hooks = dict(
    logger=dict(interval=1), ema=dict(type='EMAHook', momentum=1e-4)
)
val_dataloader = val_cfg = val_evaluator = None
"""


@torch.no_grad()
def accuracy(job, checkpoint):
    """Return the accuracy of a checkpoint's weights, without a runner."""
    cfg = Config.fromfile(job)
    model, _ = load_network(cfg, checkpoint)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    batch = dict(inputs=[item['inputs'] for item in dataset])
    images = model.data_preprocessor(batch)['inputs']
    labels = torch.tensor(dataset.get_gt_labels())
    return 100 * (model(images).argmax(1) == labels).double().mean().item()


def test_report_of_a_resumed_run_with_ema_and_without_validation(
    job, tool, capsys, tmp_path
):
    job.write_text(job.read_text() + EMA)
    work = tmp_path / 'work'
    train = 'train.py', job, '--work-dir', work
    tool(*train, '--cfg-options', 'train_cfg.max_epochs=1')
    tool(*train, '--resume', '--cfg-options', 'train_cfg.max_epochs=2')
    last = work / 'epoch_2.pth'
    stored = torch.load(last)
    name = 'head.fc.weight'
    average, trained = stored['state_dict'], stored['ema_state_dict']
    assert not torch.equal(average[name], trained[f'module.{name}'])

    capsys.readouterr()
    tool('analysis/report.py', job, work, '--checkpoint', last)
    rows = [line for line in capsys.readouterr().out.splitlines() if '| fused' in line]
    assert rows == [f'| fused | {accuracy(job, last):.2f} |']
    page = (work / 'report.html').read_text()
    assert 'hooks</dt><dd>[EMAHook(momentum=0.0001)]' in page
    assert 'The run was not validated.' in page


def test_persistent_workers_of_a_loader_without_workers_are_ignored_as_in_training(
    job, tool, capsys, tmp_path
):
    job.write_text(f"{job.read_text()}\ntest_dataloader['persistent_workers'] = True\n")
    work = tmp_path / 'work'
    options = '--cfg-options', 'train_cfg.max_epochs=1'
    tool('train.py', job, '--work-dir', work, *options)
    capsys.readouterr()
    tool('analysis/report.py', job, work)
    rows = [line for line in capsys.readouterr().out.splitlines() if '| fused' in line]
    (best,) = work.glob('best_*.pth')
    assert rows == [f'| fused | {accuracy(job, best):.2f} |']


TO_RGB = """
for part in (val_dataloader, test_dataloader):
    part['dataset']['pipeline'] = [
        dict(type='LoadImageFromFile'),
        dict(type='NumpyToPIL', to_rgb=True),
        dict(type='PILToNumpy', to_bgr=False),
        dict(type='PackInputs'),
    ]
"""


@pytest.mark.parametrize('more', ['', TO_RGB])
def test_wrong_images_have_the_colours_of_their_files(job, tool, tmp_path, more):
    job.write_text(job.read_text() + more)
    for path in (tmp_path / 'images' / 'val').glob('*/*.png'):
        red = np.zeros((16, 16, 3), dtype=np.uint8)
        red[..., 2] = 250  # OpenCV writes BGR
        cv2.imwrite(str(path), red)
    work = tmp_path / 'work'
    options = '--cfg-options', 'train_cfg.max_epochs=1'
    tool('train.py', job, '--work-dir', work, *options)
    tool('analysis/report.py', job, work, '--wrong', '2')
    page = (work / 'report.html').read_text()
    wrong = page[page.index('Most wrong') :]
    (first, *_) = re.findall(r'data:image/jpeg;base64,([^"]+)', wrong)
    picture = Image.open(io.BytesIO(base64.b64decode(first))).convert('RGB')
    red, _, blue = np.asarray(picture)[8, 8]
    assert red > 200 and blue < 50
