"""A small test set and networks for it."""

import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from torch.utils.data import DataLoader, Dataset

from mmadf.registry import MODELS
from tests.helpers import adf_cfg, randomise

LABELS = [0, 3, 1, 4, 2, 2]


class Images(Dataset):
    """Random images of 5 classes, as MMPretrain's data sets return them.

    `files` are their paths, None for a data set without files.
    """

    data_root = '/home/me/set'

    def __init__(self, classes=tuple('abcde'), files=None, labels=LABELS):
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(6, 3, 32, 32, generator=generator)
        self.files, self.labels = files, labels
        self.metainfo = dict(classes=classes)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        sample = DataSample().set_gt_label(int(self.labels[index]))
        if self.files:
            sample.set_metainfo(dict(img_path=self.files[index]))
        return dict(inputs=self.images[index], data_samples=sample)


def load(**kwargs):
    return DataLoader(Images(**kwargs), batch_size=4, collate_fn=pseudo_collate)


def build(**changes):
    """Return a small classifier of 5 classes, nothing of it zero."""
    cfg = adf_cfg(**changes)
    if cfg['type'] == 'ImageClassifier':
        cfg.pop('mapper')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(cfg), std=0.2).eval()
