import pytest
from mmengine.config import Config
from mmpretrain.datasets import CIFAR10

from mmadf.engine.data_roots import check_data_roots


def check(**dataset):
    check_data_roots(Config(dict(train_dataloader=dict(dataset=dataset))), ['train'])


@pytest.mark.parametrize('kind', ['CIFAR10', 'mmpretrain.CIFAR100', CIFAR10])
def test_empty_folder_is_accepted_for_a_data_set_that_downloads(tmp_path, kind):
    dataset = dict(type=kind, data_root=str(tmp_path))
    check(**dataset)
    with pytest.raises(FileNotFoundError, match='is empty.*put the data there'):
        check(**dataset, download=False)
    dataset['data_root'] = 'no'
    with pytest.raises(FileNotFoundError, match='create it, and CIFAR100? downloads'):
        check(**dataset)
