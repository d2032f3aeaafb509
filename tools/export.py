"""Export a classifier to ONNX, and verify the file against PyTorch.

Run: python tools/export.py CONFIG CHECKPOINT OUT.onnx [--preprocess] [--probabilities]
         [--size 224] [--pt2]
     python tools/export.py FOLDER OUT.onnx ...

The batch size is dynamic and the image size fixed. OUT.onnx is written only if ONNX
Runtime and PyTorch give the same scores for batches of 1, 2 and 5 images. Its metadata
contain class names, mean, std, image size, layout and channel order.
"""

import argparse
import sys
from functools import partial

from mmadf.deployment import DeploymentError, export_classifier
from mmadf.utils.command_line import (
    add_network_arguments,
    parse_network,
    report_invalid_input,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_network_arguments(parser)
    parser.add_argument('out', help='file to write, *.onnx')
    parser.add_argument(
        '--size',
        type=int,
        nargs='+',
        help='height and width in pixels, or one number for both; default: those of '
        'the test pipeline',
    )
    parser.add_argument(
        '--preprocess',
        action='store_true',
        help='take RGB pixels, (N, H, W, 3), uint8, and normalise them in the graph',
    )
    parser.add_argument(
        '--probabilities', action='store_true', help='return softmax instead of logits'
    )
    parser.add_argument(
        '--pt2',
        action='store_true',
        help='also write the program of torch.export as OUT.pt2',
    )
    parser.add_argument(
        '--tolerance',
        type=float,
        default=1e-4,
        help='largest accepted difference, relative to the largest score, default '
        '%(default)s',
    )
    args = parse_network(parser)
    if args.size is not None and len(args.size) > 2:
        parser.error(f'--size takes one or two numbers, got {len(args.size)}')
    if args.size is not None:
        args.size = (args.size[0], args.size[-1])
    return args


def main() -> None:
    """Export; exit with 1 if that fails or the file is wrong, 2 for invalid input."""
    args = parse_args()
    try:
        with report_invalid_input() as start_work:
            log = partial(print, flush=True)
            export_classifier(**vars(args), log=log, on_start=start_work)
    except DeploymentError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
