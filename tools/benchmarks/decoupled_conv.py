"""Price of decoupled convolutions, as ratios to `nn.Conv2d` in the same run.

Run: python tools/benchmarks/decoupled_conv.py [--threads 2] [--repeats 7] [--compile]

Side by side, interleaved, medians: `nn.Conv2d`; ours; and a direct transcription of
the official formula (ones-kernel norm over all channels, nothing reused). Layers have
the shapes of ResNet-18/50 and of the CIFAR network; the whole networks are
ResNet-50 with and without `conv_cfg`. Peak memory is what autograd saves for the
backward pass, which on a CPU can be counted exactly.
"""

import argparse
import time
from statistics import median
from typing import Callable, Dict

import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from torch import Tensor, nn
from tqdm import tqdm

from mmadf.models import DecoupledConv2d
from mmadf.registry import MODELS

# channels in and out, kernel, stride, map size, batch
LAYERS = {
    'CIFAR 96': (96, 96, 3, 1, 32, 16),
    'CIFAR 384': (384, 384, 3, 1, 8, 16),
    'ResNet-18 stage 1': (64, 64, 3, 1, 56, 8),
    'ResNet-50 stage 3, 3x3': (256, 256, 3, 1, 14, 8),
    'ResNet-50 stage 2, 1x1': (512, 128, 1, 1, 28, 8),
}


class Transcription(nn.Conv2d):
    """The official formula for tanh and cosine, written down directly."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, bias=False, **kwargs)
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


def saved_bytes(step: Callable[[], Tensor]) -> int:
    """Return the bytes that autograd keeps for the backward pass of `step`."""
    sizes = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return sum(sizes.values())


def forward(model: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """Return an inference step."""

    @torch.no_grad()
    def step() -> Tensor:
        return model(x)

    return step


def training(model: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """Return a training step without optimizer."""

    def step() -> Tensor:
        model.zero_grad()
        y = model(x)
        (y[-1] if isinstance(y, tuple) else y).sum().backward()
        return y

    return step


def compare(models: Dict[str, nn.Module], x: Tensor, repeats: int, title: str) -> None:
    """Time all models in turn and print their ratios to the first."""
    times = {(name, kind): [] for name in models for kind in (forward, training)}
    for round_ in tqdm(range(repeats + 1), desc=title, leave=False):
        for name, kind in times:
            models[name].train(kind is training)
            step = kind(models[name], x)
            start = time.perf_counter()
            step()
            if round_:  # the first is for warming up
                times[name, kind].append(time.perf_counter() - start)
    medians = {key: median(values) for key, values in times.items()}
    for model in models.values():
        model.train()
    memory = {name: saved_bytes(lambda m=m: m(x)) for name, m in models.items()}
    base, *others = models
    for name in others:
        ratios = [medians[name, k] / medians[base, k] for k in (forward, training)]
        print(
            f'| {title} | {name} | {ratios[0]:.2f} | {ratios[1]:.2f} | '
            f'{memory[name] / memory[base]:.2f} |',
            flush=True,
        )


def build_resnet50(**changes) -> nn.Module:
    """Return MMPretrain's ResNet-50 backbone."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(dict(type='ResNet', depth=50, **changes))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--compile', action='store_true', help='also torch.compile')
    parser.add_argument('--skip-networks', action='store_true')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(
        f'torch {torch.__version__}, CPU, {args.threads} threads, median of '
        f'{args.repeats}, float32; ratios to nn.Conv2d\n'
    )
    print('| what | layer | forward | training step | saved for backward |')
    print('|---|---|---|---|---|')
    for title, (c, k, size, stride, side, batch) in LAYERS.items():
        geometry = dict(stride=stride, padding=size // 2)
        models = {
            'nn.Conv2d': nn.Conv2d(c, k, size, bias=False, **geometry),
            'tanh, cosine': DecoupledConv2d(c, k, size, **geometry),
            'segmented, square cosine': DecoupledConv2d(
                c, k, size, magnitude='segmented', angle='square_cosine', **geometry
            ),
            'transcription': Transcription(c, k, size, **geometry),
        }
        if args.compile:
            ours = DecoupledConv2d(c, k, size, **geometry)
            models['tanh, cosine, compiled'] = torch.compile(ours)
        x = torch.randn(batch, c, side, side, requires_grad=True)
        compare(models, x, args.repeats, title)
    if not args.skip_networks:
        networks = {'plain': build_resnet50()}
        for magnitude, angle in (('tanh', 'cosine'), ('segmented', 'square_cosine')):
            conv_cfg = dict(type='DecoupledConv2d', magnitude=magnitude, angle=angle)
            networks[f'{magnitude}, {angle}'] = build_resnet50(conv_cfg=conv_cfg)
        x = torch.randn(4, 3, 224, 224)
        compare(networks, x, max(args.repeats // 2, 3), 'ResNet-50, 4 x 224 x 224')


if __name__ == '__main__':
    main()
