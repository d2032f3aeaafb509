"""Plot the spatial kernels that a Wise-SrNet network has learned.

Run: python tools/analysis/spatial_maps.py CONFIG CHECKPOINT OUT.png
         [--channels 5] [--classes 6]

For every `WiseSrNetHead` or `WiseSrNetPooling` of the network: the mean of the kernels,
the kernels of a few channels, spread evenly over all, and for a few classes the kernels
weighted by the classifier, minus their mean over all classes, so that one sees how the
classes differ. The orientation is that of the image.
"""

import argparse
from functools import partial
from pathlib import Path

from mmadf.analysis.plots import check_figure
from mmadf.analysis.spatial_maps import plot_spatial_maps, spatial_maps
from mmadf.utils.command_line import report_invalid_input
from mmadf.weights.load import class_names, load_network, read_config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file of the network')
    parser.add_argument('checkpoint', help='its checkpoint file')
    parser.add_argument('out', type=Path, help='figure to write')
    parser.add_argument('--channels', type=int, default=5, help='number of channels')
    parser.add_argument('--classes', type=int, default=6, help='number of classes')
    args = parser.parse_args()
    if min(args.channels, args.classes) < 0:
        parser.error(
            f'--channels {args.channels} and --classes {args.classes} must be >= 0'
        )
    return args


def main() -> None:
    """Load the network and plot its kernels."""
    args = parse_args()
    with report_invalid_input():
        check_figure(args.out)
        cfg = read_config(args.config)
        model, meta = load_network(cfg, args.checkpoint)
        found = spatial_maps(model)
    names_of = partial(class_names, cfg, meta)
    plot_spatial_maps(found, names_of, (args.channels, args.classes), args.out)
    print(f'spatial kernels of {", ".join(found)}: {args.out}')


if __name__ == '__main__':
    main()
