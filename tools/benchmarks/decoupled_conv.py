"""Price of decoupled convolutions, as ratios to `nn.Conv2d` in the same run.

Run: python tools/benchmarks/decoupled_conv.py [--compile]
         [--device cuda --bf16 --channels-last]

Side by side, interleaved: `nn.Conv2d`, decoupled convolutions, and a direct
transcription of the official formula (ones-kernel norm over all channels, nothing
reused). Layers have the shapes of ResNet-18/50 and of the CIFAR network; the whole
networks are ResNet-50 with and without `conv_cfg`, and for inference also folded. A
training step holds forward, backward and optimizer.
"""

import argparse
from copy import deepcopy
from typing import Dict, Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmadf.analysis.benchmark import KINDS, compare
from mmadf.models import DecoupledConv2d
from mmadf.models.surgery import fold
from mmadf.registry import MODELS

# channels in and out, kernel, stride, map size
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
}


class Transcription(nn.Conv2d):
    """The official formula for tanh and cosine, written down directly."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **{**kwargs, 'bias': False})
        self.radius = nn.Parameter(torch.ones(self.out_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, K, H', W')."""
        geometry = (self.stride, self.padding)
        ones = torch.ones_like(self.weight)
        r = (F.conv2d(x.square(), ones, None, *geometry) + 1e-4).sqrt()
        q = (self.weight.square().sum((1, 2, 3), keepdim=True) + 1e-4).sqrt()
        cos = F.conv2d(x, self.weight / q, None, *geometry) / r
        rho = (self.radius.square() + 1e-4) * r.mean()
        return torch.tanh(r / rho) * cos


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
    place = (c, k, size, stride, size // 2)
    ours = {name: DecoupledConv2d(*place, **op) for name, op in OPERATORS.items()}
    plain = nn.Conv2d(*place, bias=False)
    return {'nn.Conv2d': plain, **ours, 'transcription': Transcription(*place)}


def networks() -> Dict[str, nn.Module]:
    """Return MMPretrain's ResNet-50 with each layer, by name."""
    choices = {
        name: dict(type='DecoupledConv2d', **operator)
        for name, operator in OPERATORS.items()
    }
    choices = {'nn.Conv2d': None, **choices, 'transcription': dict(type=Transcription)}
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return {
            name: MODELS.build(dict(type='ResNet', depth=50, conv_cfg=conv_cfg))
            for name, conv_cfg in choices.items()
        }


def folded(models: Dict[str, nn.Module]) -> Dict[str, nn.Module]:
    """Return the first network as it is, and those of ours folded for inference."""
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
    """Compare models in eager mode and, if asked for, compiled; print rows."""
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
    parser.add_argument('--threads', type=int, default=2, help='of the CPU')
    parser.add_argument('--repeats', type=int, default=7, help='rounds measured')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--batch', type=int, default=16, help='images in a batch')
    parser.add_argument('--bf16', action='store_true', help='under autocast')
    parser.add_argument('--channels-last', action='store_true')
    parser.add_argument('--compile', action='store_true', help='also torch.compile')
    parser.add_argument('--skip-layers', action='store_true')
    parser.add_argument('--skip-networks', action='store_true')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(
        f'torch {torch.__version__}, {args.device}, {args.threads} threads, '
        f'{args.batch} images, {"bfloat16" if args.bf16 else "float32"}, medians of '
        f'{args.repeats} rounds; ratios to nn.Conv2d\n\n'
        f'| what | layer | {" | ".join(KINDS)} |\n|{"---|" * (len(KINDS) + 2)}'
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
