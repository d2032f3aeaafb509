"""Running the scripts, and a small training job for them."""

import runpy
import socket
import sys

import pytest

from tests.conftest import ROOT

CONFIG = """
_base_ = 'mmadf::adf/adf_tiny_digits.py'

pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(data_root='{data}/train', pipeline=pipeline),
)
val_dataloader = dict(
    num_workers=0, dataset=dict(data_root='{data}/val', pipeline=pipeline)
)
test_dataloader = val_dataloader

# Group norm: a batch gives the same result whole or in parts.
norm_cfg = dict(type='GN', num_groups=4)
model = dict(
    backbone=dict(norm_cfg=norm_cfg, stem_channels=8, base_channels=8),
    mapper=dict(norm_cfg=norm_cfg),
    head=dict(num_classes=2, in_channels=64),
)
data_preprocessor = dict(num_classes=2)
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True, type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4
    )
)
param_scheduler = dict(_delete_=True, type='MultiStepLR', milestones=[2])
train_cfg = dict(max_epochs=3)
default_hooks = dict(logger=dict(interval=1))
"""


@pytest.fixture
def job(image_folder, tmp_path):
    """Return the path of a config for `image_folder`, 4 iterations per epoch."""
    path = tmp_path / 'job.py'
    path.write_text(CONFIG.format(data=image_folder))
    return path


@pytest.fixture
def train(python):
    """Run tools/train.py."""

    def _train(config, work_dir, *options, **kwargs):
        script = ROOT / 'tools' / 'train.py'
        return python(script, config, '--work-dir', work_dir, *options, **kwargs)

    return _train


@pytest.fixture
def tool(monkeypatch):
    """Run a script of tools/ in this process, as `python tools/<script>` would."""
    monkeypatch.setenv('LOCAL_RANK', '0')  # scripts set it

    def _tool(script, *arguments):
        path = str(ROOT / 'tools' / script)
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        runpy.run_path(path, run_name='__main__')

    return _tool


@pytest.fixture
def port():
    """Return a free port of this machine."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return str(s.getsockname()[1])
