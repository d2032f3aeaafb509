"""Print which networks of timm ADF can use, as the rows of a Markdown table.

Run: python tools/analysis/timm_networks.py resnet18 mambaout_femto [--export]

Each network is cut into stages, fused with a copy of itself in an ADF classifier with
random weights, deployed and, with --export, exported to ONNX.
"""

import argparse
import logging

from mmadf.experiments.timm_networks import HEAD, check_network
from mmadf.utils.command_line import report_invalid_input
from mmadf.utils.optional import import_optional


def main() -> None:
    """Check and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='+', help='names of timm.list_models')
    parser.add_argument('--size', type=int, default=224, help='height of the images')
    parser.add_argument('--export', action='store_true', help='also export to ONNX')
    args = parser.parse_args()
    if args.size < 1:
        parser.error(f'--size {args.size} must be > 0')
    with report_invalid_input():
        import_optional('timm')
    for row in (HEAD, ['---'] * len(HEAD)):
        print(f'| {" | ".join(row)} |')
    logging.disable(logging.INFO)  # MMPretrain logs the features of each network
    try:
        for name in args.names:
            row = check_network(name, args.size, args.export)
            print(f'| {" | ".join(row)} |', flush=True)
    finally:
        logging.disable(logging.NOTSET)


if __name__ == '__main__':
    main()
