"""Fixtures of the whole suite: the checkout, commands run in it, image folders."""

import gc
import logging
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import utils as config_utils
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

import mmadf  # noqa: F401  registers components and config paths

ROOT = Path(__file__).parents[1]
# They build the networks of all configs, each once.
BUILD_CONFIGS = (
    'tests/test_configs.py',
    'tests/test_decoupled_configs.py',
    'tests/test_metafiles.py',
    'tests/test_wise_srnet_configs.py',
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Run the tests of a file in one process, and so those that build all configs.

    They share expensive networks and processes by fixtures and caches.
    """
    from xdist.scheduler import LoadFileScheduling

    class _LoadFiles(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition('::')[0]
            return 'configs' if file in BUILD_CONFIGS else file

    return _LoadFiles(config, log)


def pytest_unconfigure():
    """Let the interpreter free what it imported, as it does without the freeze."""
    gc.unfreeze()


@pytest.fixture(autouse=True, scope='module')
def _freeze_garbage_collection():
    """Leave what is imported and cached out of the collection that data sets start."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True, scope='session')
def _read_each_metafile_once():
    """Cache what MMEngine reads again for each base: some 85 files of MMPretrain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_utils, 'load', cache(config_utils.load))
        yield


@pytest.fixture(autouse=True)
def _restore_default_scope():
    """Forget the default scopes that a test's runners leave behind."""
    scopes = DefaultScope._instance_dict.copy()
    yield
    DefaultScope._instance_dict.clear()
    DefaultScope._instance_dict.update(scopes)


@pytest.fixture(autouse=True)
def _close_log_files():
    """Close the log files of a test's runners, to which MMEngine keeps writing."""
    yield
    for logger in MMLogger._instance_dict.values():
        for handler in list(logger.handlers):
            if isinstance(handler, logging.FileHandler):
                logger.removeHandler(handler)
                handler.close()


@pytest.fixture(scope='session')
def run():
    """Return a function that runs a command in the checkout, with this Python.

    It returns the completed process, and fails the test if the command fails, unless
    `check=False`. Further keyword arguments are environment variables.
    """
    path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'

    def _run(*command, cwd=ROOT, check=True, **env):
        done = subprocess.run(
            [str(c) for c in command],
            cwd=cwd,
            env={**os.environ, 'PATH': path, 'PYTHONPATH': str(ROOT), **env},
            capture_output=True,
            text=True,
            timeout=170,
        )
        if check and done.returncode:
            pytest.fail(f'{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}')
        return done

    return _run


@pytest.fixture(scope='session')
def python(run):
    """Return a function that runs Python with the given arguments, see `run`."""

    def _python(*arguments, **kwargs):
        return run(sys.executable, *arguments, **kwargs)

    return _python


def write_images(root: Path, per_class: int, classes=('dark', 'light'), size=16):
    """Write an image folder of classes that differ in brightness and return it."""
    noise = np.random.default_rng(0)
    for label, name in enumerate(classes):
        folder = root / name
        folder.mkdir(parents=True)
        low = 255 * label // len(classes)
        high = low + 255 // len(classes)
        for index in range(per_class):
            image = noise.integers(low, high, (size, size, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f'{index:03d}.png'), image)
    return root


@pytest.fixture
def image_folder(tmp_path):
    """Return a folder with image folders `train` and `val` of two classes."""
    write_images(tmp_path / 'images' / 'train', per_class=16)
    write_images(tmp_path / 'images' / 'val', per_class=4)
    return tmp_path / 'images'
