"""Overhead of decoupled convolutions, as ratios to `nn.Conv2d` in the same run.

Run: python tools/benchmarks/decoupled_conv.py [--compile]
         [--device cuda --bf16 --channels-last]

Compares, interleaved, `nn.Conv2d`, decoupled convolutions, the formula of tanh and
cosine written down in plain PyTorch and, if PYTHONPATH contains a checkout of
B-cos/B-cos-v2, the layer of B-cos networks (arXiv 2306.10898), which is the linear
magnitude with the square cosine. Layers have the shapes of ResNet-18/50 and of the
CIFAR network; the networks are ResNet-50 with and without `conv_cfg`, for inference
also folded. A training step is forward, backward and optimizer.
"""

import argparse
from copy import deepcopy
from importlib import import_module
from importlib.util import find_spec
from typing import Dict, Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmadf.analysis.benchmark import KINDS, compare
from mmadf.models import DecoupledConv2d
from mmadf.models.surgery import fold
from mmadf.registry import MODELS
from mmadf.utils.command_line import available_device

# channels in and out, kernel, stride, size of the feature map
LAYERS = {
    'CIFAR 96': (96, 96, 3, 1, 32),
    'CIFAR 384': (384, 384, 3, 1, 8),
    'ResNet-18 stage 1': (64, 64, 3, 1, 56),
    'ResNet-50 stage 3, 3x3': (256, 256, 3, 1, 14),
    'ResNet-50 stage 2, 1x1': (512, 128, 1, 1, 28),
}
OPERATORS = {
    'tanh, cosine': dict(magnitude='tanh', angle='cosine'),
    'ball, cosine': dict(magnitude='ball', angle='cosine'),
    'segmented, square cosine': dict(magnitude='segmented', angle='square_cosine'),
    'linear, square cosine': dict(magnitude='linear', angle='square_cosine'),
}


def patch_norm(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Return the norms of the patches, (N, 1, H', W'), with one sum over channels."""
    squares = x.float().square().sum(1, keepdim=True)
    ones = squares.new_ones(1, 1, *conv.kernel_size)
    with torch.autocast(x.device.type, enabled=False):
        return (F.conv2d(squares, ones, None, conv.stride, conv.padding) + 1e-4).sqrt()


def unit_products(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Return the inner products of the patches with the normalised kernels."""
    q = (conv.weight.square().sum((1, 2, 3), keepdim=True) + 1e-4).sqrt()
    return F.conv2d(x, conv.weight / q, None, conv.stride, conv.padding)


class PlainFormula(nn.Conv2d):
    """Tanh and cosine in plain PyTorch."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **{**kwargs, 'bias': False})
        self.radius = nn.Parameter(torch.ones(self.out_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, K, H', W')."""
        r, dot = patch_norm(x, self), unit_products(x, self)
        rho = (self.radius.square() + 1e-4) * r.mean()
        return (torch.tanh(r / rho) * (dot / r)).to(dot.dtype)


RIVALS = {'tanh, cosine in plain PyTorch': PlainFormula}
if find_spec('bcos'):
    RIVALS['B-cos v2, its own layer'] = import_module('bcos.modules').BcosConv2d


class LowPrecision(nn.Module):
    """Run a module in bfloat16, as MMEngine's AmpOptimWrapper does."""

    def __init__(self, module: nn.Module, device: str) -> None:
        super().__init__()
        self.module, self.device = module, device

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's output."""
        with torch.autocast(self.device, dtype=torch.bfloat16):
            return self.module(x)


def layers(sizes: tuple) -> Dict[str, nn.Module]:
    """Return the layers to compare, by name."""
    c, k, size, stride, _ = sizes
    shape = (c, k, size, stride, size // 2)
    ours = {name: DecoupledConv2d(*shape, **op) for name, op in OPERATORS.items()}
    rivals = {name: cls(*shape) for name, cls in RIVALS.items()}
    return {'nn.Conv2d': nn.Conv2d(*shape, bias=False), **ours, **rivals}


def networks() -> Dict[str, nn.Module]:
    """Return MMPretrain's ResNet-50 with each layer, by name."""
    choices = {
        name: dict(type='DecoupledConv2d', **operator)
        for name, operator in OPERATORS.items()
    }
    rivals = {name: dict(type=cls) for name, cls in RIVALS.items()}
    choices = {'nn.Conv2d': None, **choices, **rivals}
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return {
            name: MODELS.build(dict(type='ResNet', depth=50, conv_cfg=conv_cfg))
            for name, conv_cfg in choices.items()
        }


def folded(models: Dict[str, nn.Module]) -> Dict[str, nn.Module]:
    """Return the ordinary network, and folded copies of the decoupled ones."""
    copies = {name: deepcopy(models[name]) for name in OPERATORS}
    for model in copies.values():
        fold(model)
    return {'nn.Conv2d': models['nn.Conv2d'], **copies}


def report(
    title: str,
    models: Dict[str, nn.Module],
    x: Tensor,
    args: argparse.Namespace,
    kinds: Sequence[str] = KINDS,
) -> None:
    """Compare models in eager mode and, with --compile, compiled; print table rows."""
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    for model in models.values():
        model.to(args.device, memory_format=layout)
    if args.bf16:
        models = {n: LowPrecision(m, args.device) for n, m in models.items()}
    if args.compile:
        compiled = {f'{n}, compiled': torch.compile(m) for n, m in models.items()}
        models = {**models, **compiled}
    for name, row in compare(models, x, args.repeats, title, kinds).items():
        values = ' | '.join(
            f'{row[kind]:.2f}' if kind in kinds else '–' for kind in KINDS
        )
        print(f'| {title} | {name} | {values} |', flush=True)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--threads', type=int, default=2, help='number of CPU threads')
    parser.add_argument('--repeats', type=int, default=7, help='measured rounds')
    parser.add_argument(
        '--device', type=available_device, default='cpu', help='cpu or cuda'
    )
    parser.add_argument('--batch', type=int, default=16, help='images per batch')
    parser.add_argument(
        '--bf16', action='store_true', help='run under autocast in bfloat16'
    )
    parser.add_argument('--channels-last', action='store_true')
    parser.add_argument(
        '--compile', action='store_true', help='measure torch.compile as well'
    )
    parser.add_argument('--skip-layers', action='store_true')
    parser.add_argument('--skip-networks', action='store_true')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(
        f'torch {torch.__version__}, {args.device}, {args.threads} threads, '
        f'{args.batch} images, {"bfloat16" if args.bf16 else "float32"}, medians of '
        f'{args.repeats} rounds; ratios to nn.Conv2d\n\n'
        f'| network | layer | {" | ".join(KINDS)} |\n|{"---|" * (len(KINDS) + 2)}'
    )
    device = dict(device=args.device)
    for title, sizes in {} if args.skip_layers else LAYERS.items():
        shape = args.batch, sizes[0], sizes[-1], sizes[-1]
        x = torch.randn(shape, requires_grad=True, **device)
        report(title, layers(sizes), x, args)
    if not args.skip_networks:
        x = torch.randn(args.batch, 3, 224, 224, **device)
        models = networks()
        report('ResNet-50, folded', folded(models), x, args, KINDS[:1])
        report('ResNet-50', models, x, args)


if __name__ == '__main__':
    main()
