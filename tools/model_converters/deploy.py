"""Cut a trained ADF classifier down to what its fused prediction needs.

Run: python tools/model_converters/deploy.py CONFIG CHECKPOINT OUT.pth [--no-fold]

Writes OUT.pth and OUT.py. They work with everything that takes a config and a
checkpoint: tools/test.py, tools/export.py, mmpretrain.get_model and the inferencer.
Nothing is written unless the network built from them predicts the same.
"""

import argparse

from mmadf.deployment import deploy_classifier
from mmadf.utils.command_line import report_invalid_input


def main() -> None:
    """Deploy, and end with 2 if that cannot be done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file, or a name of list_models')
    parser.add_argument('checkpoint', help='checkpoint file of it')
    parser.add_argument('out', help='checkpoint to write, *.pth')
    parser.add_argument(
        '--no-fold',
        dest='fold',
        action='store_false',
        help='leave batch norms as they are: exactly the same logits',
    )
    args = parser.parse_args()
    with report_invalid_input():
        deploy_classifier(**vars(args))


if __name__ == '__main__':
    main()
