"""Picture of the places that a Wise-SrNet network has learned to look at.

Run: python tools/analysis/spatial_maps.py CONFIG CHECKPOINT OUT.png
         [--channels 5] [--classes 6]

For every `WiseSrNetHead` or `WiseSrNetPooling` of the network: the kernel's mean over
channels, a few channels, spread evenly over all, and the kernel weighted by the
classifier for a few classes. Upright as the image is.
"""

import argparse
from pathlib import Path
from typing import List, Sequence, Tuple

import torch
from torch import Tensor

from mmadf.analysis.plots import import_pyplot, save_figure
from mmadf.analysis.spatial_maps import SpatialMaps, spatial_maps
from mmadf.utils.command_line import report_invalid_input
from mmadf.weights.load import class_names, load_network, read_config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file of the network')
    parser.add_argument('checkpoint', help='checkpoint file of it')
    parser.add_argument('out', type=Path, help='picture to write')
    parser.add_argument('--channels', type=int, default=5, help='how many to show')
    parser.add_argument('--classes', type=int, default=6, help='how many to show')
    args = parser.parse_args()
    if min(args.channels, args.classes) < 0:
        parser.error('--channels and --classes must be >= 0')
    return args


def spread(count: int, total: int) -> List[int]:
    """Return up to `count` indices, spread evenly over `total`."""
    return torch.linspace(0, total - 1, min(count, total)).round().int().tolist()


def draw_row(
    figure: object, row: Sequence[object], images: List[Tensor], titles: List[str]
) -> None:
    """Draw maps side by side, on one scale; leave the rest of the row empty.

    White is zero, red above, blue below.
    """
    for axes in row[len(images) :]:
        axes.axis('off')
    if not images:
        return
    limit = float(torch.stack(images).abs().max()) or 1.0
    signed = any((image < 0).any() for image in images)
    scale = dict(cmap='RdBu_r', vmin=-limit) if signed else dict(cmap='Reds', vmin=0)
    for axes, image, title in zip(row, images, titles, strict=False):
        shown = axes.imshow(image.numpy(), vmax=limit, **scale)
        axes.set(title=title, xticks=[], yticks=[])
        figure.colorbar(shown, ax=axes, shrink=0.8)


def plot(
    name: str,
    maps: SpatialMaps,
    names: Sequence[str],
    figure: object,
    counts: Tuple[int, int],
) -> None:
    """Plot mean and channels above, classes below.

    Args:
        name: of the module, for the title.
        maps: what to plot.
        names: of the classes.
        figure: takes the plot.
        counts: how many channels and classes to show.
    """
    channels = spread(counts[0], len(maps.channels))
    classes = [] if maps.classes is None else spread(counts[1], len(maps.classes))
    columns = max(1 + len(channels), len(classes))
    height, width = maps.mean.shape
    figure.suptitle(
        f'{name}: {height}x{width} positions, {len(maps.channels)} channels'
        + ('; below, weighted by the classifier' if classes else '')
    )
    rows = figure.subplots(2 if classes else 1, columns, squeeze=False)
    mean, *others = rows[0]
    draw_row(figure, [mean], [maps.mean], ['mean of channels'])
    titles = [f'channel {i}' for i in channels]
    draw_row(figure, others, [maps.channels[i] for i in channels], titles)
    if classes:
        titles = [names[i] for i in classes]
        draw_row(figure, rows[1], [maps.classes[i] for i in classes], titles)


def main() -> None:
    """Load, plot and save."""
    args = parse_args()
    with report_invalid_input():
        plt = import_pyplot()
        cfg = read_config(args.config)
        model, meta = load_network(cfg, args.checkpoint)
        found = spatial_maps(model)
    columns = max(1 + args.channels, args.classes)
    figure = plt.figure(figsize=(2.4 * columns, 5 * len(found)), layout='constrained')
    parts = figure.subfigures(len(found), 1, squeeze=False)[:, 0]
    for part, (name, maps) in zip(parts, found.items(), strict=True):
        count = 0 if maps.classes is None else len(maps.classes)
        names = class_names(cfg, meta, count)
        plot(name, maps, names, part, (args.channels, args.classes))
    save_figure(figure, args.out)
    print(f'spatial maps of {", ".join(found)}: {args.out}')


if __name__ == '__main__':
    main()
