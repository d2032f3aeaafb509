"""Overhead of ADF, as ratios to a single ResNeXt-101 32x4d in the same run.

Run: python tools/benchmarks/adf.py [--batch 1] [--train-batch 4] [--repeats 7]
         [--device cuda --bf16 --channels-last] [--compile] [--loader]

The networks run interleaved on images of 224 x 224 pixels: the single backbone (twice;
the deviation of its second row from 1 is the noise of the run), ADF with both heads,
with the fused head only and deployed, an ensemble of two backbones whose logits are
added, and a single backbone of about twice the cost (32x8d). A training step is one
forward and backward pass and one step of SGD with momentum, for all heads. `--loader`
also measures the images per second of one process of ImageNet's training pipeline.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict

import mmcv
import mmpretrain
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from torch import Tensor, nn

import mmadf  # noqa: F401  registers
from mmadf.analysis.benchmark import compare
from mmadf.utils.command_line import available_device

CONFIGS = Path(__file__).parents[2] / 'configs' / 'adf'
SINGLE = 'single 32x4d'


class Pass(nn.Module):
    """A network with the forward pass and the precision that are measured."""

    def __init__(
        self,
        network: nn.Module,
        run: Callable[[nn.Module, Tensor], Tensor],
        bf16: bool,
    ) -> None:
        super().__init__()
        self.network, self.run, self.bf16 = network, run, bf16

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            return self.run(self.network, x)


def tensor(network: nn.Module, x: Tensor) -> Tensor:
    """Return the logits of the readout that the network predicts with."""
    return network(x)


def both_heads(network: nn.Module, x: Tensor) -> Tensor:
    """Return the sum of the logits of both heads, so that both run."""
    return network.logits_by_readout(x)['sum']


def build(name: str, **changes) -> nn.Module:
    """Return the network of a config in configs/adf."""
    cfg = Config.fromfile(CONFIGS / f'{name}_resnext101_imagenet.py')
    cfg.model.update(changes)
    return mmpretrain.get_model(cfg)


def networks(training: bool) -> Dict[str, tuple]:
    """Return networks and their forward passes by name, the single one first."""
    single, adf = build('single'), build('adf')
    chosen = {
        SINGLE: (single, tensor),
        'the same again': (single, tensor),
        'ADF, both heads': (adf, both_heads),
        'ensemble of two': (build('ensemble'), both_heads),
        'single 32x8d': (build('wide'), tensor),
    }
    if not training:
        chosen['ADF, fused head'] = (adf, tensor)
        chosen['ADF, deployed'] = (build('adf', deploy={}), tensor)
    return chosen


def prepare(args: argparse.Namespace, training: bool) -> Dict[str, nn.Module]:
    """Return the networks that are measured, by name."""
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    models = {}
    for name, (network, run) in networks(training).items():
        network.to(args.device, memory_format=layout)
        models[name] = Pass(network, run, args.bf16)
    if args.compile:
        compiled = {f'{name}, compiled': torch.compile(m) for name, m in models.items()}
        models.update(compiled)
    return models


def images_per_second(count: int = 48) -> float:
    """Return how many images per second one process reads and augments.

    The images are smooth noise in JPEG files of 500 x 375 pixels, ImageNet's mean size.

    Args:
        count: number of images.
    """
    cfg = Config.fromfile(CONFIGS / 'adf_resnext101_imagenet.py')
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(count):
            small = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            image = mmcv.imresize(small, (500, 375), interpolation='bicubic')
            noise = rng.normal(0, 12, image.shape)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
            mmcv.imwrite(image, f'{folder}/a/{i}.jpg')
        pipeline = cfg.train_dataloader.dataset.pipeline
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            dataset = DATASETS.build(
                dict(type='CustomDataset', data_root=folder, pipeline=pipeline)
            )
        dataset[0]
        start = time.perf_counter()
        for i in range(count):
            dataset[i]
        return count / (time.perf_counter() - start)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--threads', type=int, default=2, help='CPU threads')
    parser.add_argument('--repeats', type=int, default=7, help='measured rounds')
    parser.add_argument(
        '--device', type=available_device, default='cpu', help='cpu or cuda'
    )
    parser.add_argument(
        '--batch', type=int, nargs='+', default=[1], help='batch sizes of inference'
    )
    parser.add_argument(
        '--train-batch', type=int, default=4, help='batch size of training, 0 for none'
    )
    parser.add_argument('--bf16', action='store_true', help='autocast to bfloat16')
    parser.add_argument('--channels-last', action='store_true')
    parser.add_argument('--compile', action='store_true', help='also torch.compile')
    parser.add_argument('--loader', action='store_true', help='also the data pipeline')
    return parser.parse_args()


def measure_inference(args: argparse.Namespace) -> None:
    """Print a table row for each network and batch size."""
    models = prepare(args, training=False)
    for batch in args.batch:
        x = torch.randn(batch, 3, 224, 224, device=args.device)
        title = f'inference, {batch} images'
        rows = compare(models, x, args.repeats, title, kinds=('forward',))
        for name, row in rows.items():
            ms = row['forward (s)'] * 1e3
            print(f'| {name} | {title} | {row["forward"]:.2f} | {ms:.0f} |', flush=True)


def measure_training(args: argparse.Namespace) -> float:
    """Print two table rows for each network; return ADF's images per second."""
    models = prepare(args, training=True)
    x = torch.randn(args.train_batch, 3, 224, 224, device=args.device)
    title = f'training step, {args.train_batch} images'
    kinds = ('training step', 'training memory')
    rows = compare(models, x, args.repeats, title, kinds)
    for name, row in rows.items():
        ms = row['training step (s)'] * 1e3
        print(f'| {name} | {title} | {row["training step"]:.2f} | {ms:.0f} |')
    for name, row in rows.items():
        print(f'| {name} | training memory | {row["training memory"]:.2f} | - |')
    return args.train_batch / rows['ADF, both heads']['training step (s)']


def main() -> None:
    """Measure all networks and print the table."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(
        f'torch {torch.__version__}, {args.device}, {args.threads} threads, '
        f'{"bfloat16" if args.bf16 else "float32"}, medians of {args.repeats} rounds; '
        f'ratios to {SINGLE}\n\n| network | what | ratio | ms |\n|---|---|---|---|'
    )
    measure_inference(args)
    adf = measure_training(args) if args.train_batch else None
    if args.loader:
        print(f'\ndata pipeline: {images_per_second():.0f} images/s per process')
    if args.loader and adf:
        print(f'training step of ADF: {adf:.1f} images/s on {args.device}')


if __name__ == '__main__':
    main()
