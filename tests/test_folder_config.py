"""The configs for your own image folder, with and without pretrained weights."""

from math import cos, pi

import PIL.features
import PIL.Image
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.utils import get_installed_path
from mmpretrain.registry import DATASETS
from torch import nn
from torch.utils.data import DataLoader

from mmadf.engine.config import check_config
from mmadf.utils.images import EXTENSIONS
from tests.conftest import ROOT, write_images
from tests.helpers import build_without_memory, named

PATH = ROOT / 'configs/adf/adf_resnet50_folder.py'
SMALL = ROOT / 'configs/adf/adf_regnet_folder.py'


def config():
    return Config.fromfile(PATH)


def test_weights_are_those_of_the_host_for_this_backbone():
    cfg = config()
    metafile = f'{get_installed_path("mmpretrain")}/.mim/configs/resnet/metafile.yml'
    with open(metafile) as file:
        entries = yaml.safe_load(file)['Models']
    (entry,) = [e for e in entries if e['Name'] == 'resnet50_8xb32_in1k']
    # The stock package names the same file on another server.
    name = entry['Weights'].rpartition('/')[2]
    assert cfg.model.pretrained_branches.checkpoint.endswith(f'/resnet/{name}')
    assert (cfg.model.backbone.type, cfg.model.backbone.depth) == ('ResNet', 50)


def test_one_number_sets_the_classes_of_all_parts(tmp_path):
    text = PATH.read_text().replace('num_classes = 2\n', 'num_classes = 7\n')
    base = "'../_base_/"
    text = text.replace(base, f"'{ROOT}/configs/_base_/")
    (tmp_path / 'mine.py').write_text(text)
    model = build_without_memory(Config.fromfile(tmp_path / 'mine.py'))
    assert model.head.fc.out_features == 7
    assert model.appearance_head.fc.out_features == 7
    assert model.data_preprocessor.num_classes == 7


def test_tools_find_the_formats_that_are_trained_on():
    for split in ('train', 'val', 'test'):
        dataset = config()[f'{split}_dataloader'].dataset
        assert sorted(dataset.extensions) == sorted(EXTENSIONS)


def test_a_folder_of_images_is_read(tmp_path, monkeypatch):
    for name in ('train', 'val'):
        write_images(tmp_path / 'data' / 'my_images' / name, per_class=2, size=40)
    monkeypatch.chdir(tmp_path)
    cfg = config()
    for split in ('train', 'val', 'test'):
        with named(split), DefaultScope.overwrite_default_scope('mmpretrain'):
            dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
            assert dataset.metainfo['classes'] == ('dark', 'light')
            item = dataset[3]
            assert item['inputs'].shape == (3, 224, 224)
            assert item['inputs'].dtype == torch.uint8
            assert item['inputs'].float().mean() > 100
            assert item['data_samples'].gt_label.tolist() == [1]


def test_webp_images_are_read(tmp_path, monkeypatch):
    if not PIL.features.check('webp'):
        pytest.skip('Pillow was built without WebP')
    folder = (
        write_images(tmp_path / 'data/my_images/val', per_class=1, size=40) / 'dark'
    )
    with PIL.Image.open(folder / '000.png') as image:
        image.save(folder / '001.WEBP')
    monkeypatch.chdir(tmp_path)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(config().val_dataloader.dataset)
    assert len(dataset) == 3
    assert dataset.get_data_info(1)['img_path'].endswith('dark/001.WEBP')
    assert dataset[1]['inputs'].shape == (3, 224, 224)


def test_the_schedule_is_for_the_batch_and_ends_with_training():
    cfg = config()
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size
    warm_up, cosine = cfg.param_scheduler
    assert (warm_up.end, cosine.type) == (cosine.begin, 'CosineAnnealingLR')
    assert cosine.end == warm_up.end + cosine.T_max == cfg.train_cfg.max_epochs


def test_small_network_needs_no_download():
    text = Config.fromfile(SMALL).pretty_text
    assert 'http' not in text
    assert 'pretrained' not in text


def test_small_network_takes_classes_and_their_weights_as_options():
    cfg = Config.fromfile(SMALL)
    weights = [1.0, 2.0, 4.0]
    cfg.merge_from_dict(
        {
            'data_preprocessor.num_classes': 3,
            'model.head.num_classes': 3,
            'model.head.loss.class_weight': weights,
        }
    )
    check_config(cfg, splits=())
    model = build_without_memory(cfg)
    for head in (model.head, model.appearance_head):
        assert head.fc.out_features == 3
        assert head.loss_module.class_weight == weights


def test_small_network_reads_small_images(tmp_path, monkeypatch):
    for name in ('train', 'val'):
        write_images(tmp_path / 'data' / 'my_images' / name, per_class=1, size=40)
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(SMALL)
    for split in ('train', 'val', 'test'):
        with named(split), DefaultScope.overwrite_default_scope('mmpretrain'):
            dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
            assert dataset[1]['inputs'].shape == (3, 112, 112)


def learning_rates(cfg, work_dir, batches):
    """Return the learning rate of each iteration, as MMEngine computes it."""
    runner = Runner(
        model=nn.Linear(1, 1),
        work_dir=str(work_dir),
        train_dataloader=DataLoader(range(batches)),
        train_cfg=cfg.train_cfg,
        optim_wrapper=cfg.optim_wrapper,
        default_scope='mmpretrain',
    )
    assert runner.train_loop.max_epochs  # built by the access; the schedules read it
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    schedules = runner.build_param_scheduler(cfg.param_scheduler)
    rates = []
    for _ in range(batches * cfg.train_cfg.max_epochs):
        rates.append(runner.optim_wrapper.get_lr()['lr'][0])
        runner.optim_wrapper.optimizer.step()
        for schedule in schedules:
            schedule.step()
    return rates


def test_learning_rate_of_the_small_network_decays_until_the_last_epoch(tmp_path):
    for epochs in (30, 100):
        with named(epochs):
            cfg = Config.fromfile(SMALL)
            cfg.train_cfg.max_epochs = epochs
            rates = learning_rates(cfg, tmp_path, batches=2)
            decay = rates[2 * 5 :]
            cosines = [cos(pi * step / len(decay)) for step in range(len(decay))]
            expected = [1e-6 + (2e-3 - 1e-6) * (1 + c) / 2 for c in cosines]
            assert decay == pytest.approx(expected, rel=1e-6)
            assert rates[:10] == sorted(rates[:10]) and rates[0] == pytest.approx(2e-5)
