"""The mean patch norm of two processes equals that of one on the whole batch."""

import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing import spawn
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d

pytestmark = pytest.mark.slow
WEIGHTS = (0.5, 2.0)  # of the two halves, so that their mean norms differ
IMAGES = [(2, 2), (3, 1), (4, 0)]  # of the two processes


def build(**choices):
    torch.manual_seed(0)
    conv = DecoupledConv2d(3, 4, 3, sync_mean_norm=True, **choices)
    halves = torch.randn(2, 2, 3, 6, 6) * torch.tensor(WEIGHTS).view(2, 1, 1, 1, 1)
    return conv, halves


def train_parts(rank, folder):
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2
    )
    for images in IMAGES:
        conv, halves = build()
        y = conv(halves.flatten(0, 1).split(images)[rank])
        y.square().sum().backward()
        gradients = [conv.weight.grad, conv.operator.radius.grad]
        for gradient in gradients:
            dist.all_reduce(gradient)
        found = [y.detach(), conv.operator.mean_norm, *gradients]
        torch.save(found, f'{folder}/{images[0]}_{rank}.pth')
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return the folder in which two processes have saved what they computed."""
    path = tmp_path_factory.mktemp('two_processes')
    spawn(train_parts, args=(str(path),), nprocs=2)
    return path


@pytest.mark.parametrize('images', IMAGES)
def test_synchronised_mean_norm_equals_one_process_on_the_whole_batch(folder, images):
    conv, halves = build()
    y = conv(halves.flatten(0, 1))
    y.square().sum().backward()
    for rank in range(2):
        found = torch.load(folder / f'{images[0]}_{rank}.pth')
        expected = [y.split(images)[rank].detach(), conv.operator.mean_norm]
        expected += [conv.weight.grad, conv.operator.radius.grad]
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, rtol=1e-4, atol=1e-5)
