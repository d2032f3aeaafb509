import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing import spawn
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d

WEIGHTS = (0.5, 2.0)  # of the two halves, so that their mean norms differ


def build(**choices):
    torch.manual_seed(0)
    conv = DecoupledConv2d(3, 4, 3, sync_mean_norm=True, **choices)
    halves = torch.randn(2, 2, 3, 6, 6) * torch.tensor(WEIGHTS).view(2, 1, 1, 1, 1)
    return conv, halves


def train_part(rank, folder, images):
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2
    )
    conv, halves = build()
    y = conv(halves.flatten(0, 1).split(images)[rank])
    y.square().sum().backward()
    gradients = [conv.weight.grad, conv.operator.radius.grad]
    for gradient in gradients:
        dist.all_reduce(gradient)
    torch.save(
        [y.detach(), conv.operator.mean_norm, *gradients], f'{folder}/{rank}.pth'
    )
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize('images', [(2, 2), (3, 1), (4, 0)])
def test_synchronised_mean_norm_equals_one_process_on_the_whole_batch(tmp_path, images):
    spawn(train_part, args=(str(tmp_path), images), nprocs=2)
    conv, halves = build()
    y = conv(halves.flatten(0, 1))
    y.square().sum().backward()
    for rank in range(2):
        found = torch.load(tmp_path / f'{rank}.pth')
        expected = [y.split(images)[rank].detach(), conv.operator.mean_norm]
        expected += [conv.weight.grad, conv.operator.radius.grad]
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, rtol=1e-4, atol=1e-5)
