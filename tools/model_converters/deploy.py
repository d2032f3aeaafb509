"""Write a trained network as a model folder, or as a smaller checkpoint.

Run: python tools/model_converters/deploy.py CONFIG CHECKPOINT FOLDER/ [--whole]
     python tools/model_converters/deploy.py CONFIG CHECKPOINT OUT.pth

A model folder contains weights, config and model card without code. It is read by
mmadf.from_pretrained, and by the tools instead of CONFIG CHECKPOINT. From an ADF
network its deployed form is written, without what the fused prediction does not use,
unless --whole is given; other networks are written as they are. OUT.pth is the
checkpoint of a deployed ADF network, with its config OUT.py. Nothing is written unless
the network built from the files predicts the same.
"""

import argparse
import sys
from pathlib import Path

from mmadf.deployment import DeploymentError, deploy_classifier
from mmadf.hub.deploy import deploy_to_folder
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
    parser.add_argument('out', help='model folder, or checkpoint (*.pth), to write')
    parser.add_argument(
        '--whole',
        action='store_true',
        help='keep both branches of an ADF network, so that it can be trained further',
    )
    parser.add_argument(
        '--no-fold',
        dest='fold',
        action='store_false',
        help='keep batch norms, so that the logits stay exactly the same',
    )
    args = parse_network(parser)
    args.to_folder = (
        args.out.endswith('/') or Path(args.out).is_dir() or not Path(args.out).suffix
    )
    if args.whole and not args.to_folder:
        parser.error(f'--whole needs a model folder to write, and {args.out} is a file')
    return args


def main() -> None:
    """Deploy; exit with 1 if the prediction would change, 2 for invalid input."""
    args = parse_args()
    paths = args.config, args.checkpoint, args.out
    try:
        with report_invalid_input() as start_work:
            options = dict(fold=args.fold, on_start=start_work)
            if args.to_folder:
                deploy_to_folder(*paths, whole=args.whole, **options)
            else:
                deploy_classifier(*paths, **options)
    except DeploymentError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
