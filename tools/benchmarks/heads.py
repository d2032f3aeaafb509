"""Overhead of Wise-SrNet's heads, as ratios to GAP + linear in the same run.

Run: python tools/benchmarks/heads.py [--threads 2] [--repeats 15] [--device cpu]

MMPretrain's GlobalAveragePooling + LinearClsHead and each variant of `WiseSrNetHead`
run interleaved, on feature maps alone and behind ResNet-50, for images of 224 x 224
pixels and 1,000 classes. A training step is one forward and backward pass and one step
of the optimizer. The baseline runs twice: the deviation of its second row from 1 is the
noise of the run.
"""

import argparse
from typing import Dict

import torch
from mmengine.model import Sequential
from mmengine.registry import DefaultScope
from torch import nn

import mmadf  # noqa: F401  registers
from mmadf.analysis.benchmark import KINDS, compare
from mmadf.registry import MODELS
from mmadf.utils.command_line import available_device

SIZES = dict(num_classes=1000, in_channels=2048)
BASE = 'GAP + linear of MMPretrain'
VARIANTS = {
    'GAP': dict(pooling='mean', pool_size=None, constraint=None),
    'GAP+DP': dict(pooling='mean', pool_size=None, constraint=None, dropout=0.5),
    'DW': dict(pool_size=None, constraint=None),
    'DW+C': dict(pool_size=None),
    'Avg+DW+C': dict(),
    'Avg+DW+C+DP': dict(dropout=0.5),
    'Avg+Flatten+FC': dict(pooling='flatten', constraint=None),
    'GWAP': dict(pooling='shared', pool_size=None),
    'Avg+DW+C, kernel resized from 16x16': dict(map_size=16, resize_kernel=True),
}
RESNET = dict(type='ResNet', depth=50)


def slots() -> Dict[str, dict]:
    """Return configs of neck and head by name, GAP + linear first."""
    gap = dict(
        neck=dict(type='GlobalAveragePooling'), head=dict(type='LinearClsHead', **SIZES)
    )
    heads = {
        name: dict(head=dict(type='WiseSrNetHead', **SIZES, **changes))
        for name, changes in VARIANTS.items()
    }
    return {BASE: gap, 'the same again': gap, **heads}


def build_head(cfg: dict) -> nn.Module:
    """Return neck and head in sequence."""
    return Sequential(*(MODELS.build(cfg[s]) for s in ('neck', 'head') if s in cfg))


def build_network(cfg: dict) -> nn.Module:
    """Return the whole classifier."""
    return MODELS.build(dict(type='ImageClassifier', backbone=RESNET, **cfg))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--threads', type=int, default=2, help='number of CPU threads')
    parser.add_argument('--repeats', type=int, default=15, help='measured rounds')
    parser.add_argument(
        '--device', type=available_device, default='cpu', help='cpu or cuda'
    )
    parser.add_argument('--batch', type=int, default=4, help='batch size')
    parser.add_argument('--heads-only', action='store_true', help='skip ResNet-50')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(
        f'torch {torch.__version__}, {args.device}, {args.threads} threads, '
        f'{args.batch} images, float32, medians of {args.repeats} rounds; ratios to '
        f'{BASE}\n\n| what | head | {" | ".join(KINDS)} |\n|{"---|" * (len(KINDS) + 2)}'
    )
    x = torch.randn(args.batch, 2048, 7, 7, device=args.device, requires_grad=True)
    image = torch.randn(args.batch, 3, 224, 224, device=args.device)
    subjects = {
        'head alone': (build_head, (x,), 10 * args.repeats),
        'in ResNet-50': (build_network, image, args.repeats),
    }
    if args.heads_only:
        del subjects['in ResNet-50']
    for title, (build, inputs, repeats) in subjects.items():
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            models = {name: build(cfg).to(args.device) for name, cfg in slots().items()}
        for name, row in compare(models, inputs, repeats, title).items():
            values = ' | '.join(f'{row[kind]:.3f}' for kind in KINDS)
            print(f'| {title} | {name} | {values} |', flush=True)


if __name__ == '__main__':
    main()
