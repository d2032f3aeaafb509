"""Projection in two processes equals one process on the whole batch."""

from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from mmengine.model import BaseModule
from mmengine.runner import Runner
from packaging.version import Version
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.multiprocessing import spawn
from torch.nn.parallel import DistributedDataParallel
from torch.testing import assert_close

from mmadf.models import WiseSrNetHead

pytestmark = pytest.mark.slow
DEVICE = torch.device('cpu')
STEPS = 3
WRAPPERS = {
    'DDP': DistributedDataParallel,
    'FSDP': lambda m: FullyShardedDataParallel(
        m, device_id=DEVICE, use_orig_params=True
    ),
    'FSDP2': lambda m: fully_shard(m, mesh=init_device_mesh('cpu', (2,))),
}
# On CPUs, FSDP2 of the lowest supported version differs from one process by 1e-5.
if Version(torch.__version__) < Version('2.9'):
    del WRAPPERS['FSDP2']


def build():
    torch.manual_seed(0)
    head = WiseSrNetHead(num_classes=3, in_channels=5, map_size=6)
    return head, torch.randn(STEPS, 2, 4, 5, 6, 6)


def train(model, batches):
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    for x in batches:
        optimizer.zero_grad()
        model((x,)).square().mean().backward()
        optimizer.step()


def initial_weights(rank):
    """Return the weights that the Runner shares among processes of different seeds."""
    torch.manual_seed(rank)
    model = BaseModule()
    model.head = WiseSrNetHead(num_classes=3, in_channels=5, map_size=6)
    Runner._init_model_weights(SimpleNamespace(model=model))
    return {name: p.detach() for name, p in model.named_parameters()}


def train_halves(rank, folder):
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2
    )
    for wrapper, wrap in WRAPPERS.items():
        head, halves = build()
        model = wrap(head)
        train(model, halves[:, rank])
        state = {k.removeprefix('module.'): v for k, v in model.state_dict().items()}
        if wrapper == 'FSDP2':
            state = {k: v.full_tensor() for k, v in state.items()}
        torch.save(state, f'{folder}/{wrapper}{rank}.pth')
    torch.save(initial_weights(rank), f'{folder}/initial{rank}.pth')
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return the folder in which two processes have saved their states."""
    path = tmp_path_factory.mktemp('two_processes')
    spawn(train_halves, args=(str(path),), nprocs=2)
    return path


@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_two_processes_are_projected_like_one(wrapper, folder):
    head, halves = build()
    train(head, halves.flatten(1, 2))
    expected = head.state_dict()
    assert (expected['pooling.spatial.weight'] == 0).any()
    assert (expected['pooling.spatial.weight'] > 0).any()
    for rank in range(2):
        found = torch.load(folder / f'{wrapper}{rank}.pth')
        assert found.keys() == expected.keys()
        for name in expected:
            assert_close(found[name], expected[name], rtol=1e-4, atol=1e-6)


def test_the_runner_gives_all_processes_the_initial_weights_of_the_first(folder):
    first, second = (torch.load(folder / f'initial{rank}.pth') for rank in range(2))
    assert (first['head.pooling.spatial.weight'] < 0).any()
    assert_close(second, first, rtol=0, atol=0)
