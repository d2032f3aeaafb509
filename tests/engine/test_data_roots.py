import pytest
from mmengine.config import Config
from mmpretrain.datasets import CIFAR10

from mmadf.engine.data_roots import check_data_loader, check_data_roots


def check(**dataset):
    check_data_roots(Config(dict(train_dataloader=dict(dataset=dataset))), ['train'])


@pytest.mark.parametrize('split', ['train', 'test'])
def test_config_without_the_data_that_is_read_is_refused(split):
    cfg = Config(dict(model=dict(), train_dataloader=None, val_dataloader=dict(a=1)))
    with pytest.raises(
        ValueError, match=f'has no {split}_dataloader: .* to {split} it'
    ):
        check_data_loader(cfg, split)
    cfg[f'{split}_dataloader'] = dict(batch_size=1)
    check_data_loader(cfg, split)


@pytest.mark.parametrize('kind', ['CIFAR10', 'mmpretrain.CIFAR100', CIFAR10])
def test_empty_folder_is_accepted_for_a_data_set_that_downloads(tmp_path, kind):
    dataset = dict(type=kind, data_root=str(tmp_path))
    check(**dataset)
    with pytest.raises(FileNotFoundError, match='is empty.*put the data there'):
        check(**dataset, download=False)
    dataset['data_root'] = 'no'
    with pytest.raises(FileNotFoundError, match='create it, and CIFAR100? downloads'):
        check(**dataset)
