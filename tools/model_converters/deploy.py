"""Remove from a trained ADF classifier what its fused prediction does not use.

Run: python tools/model_converters/deploy.py CONFIG CHECKPOINT OUT.pth [--no-fold]

Writes the checkpoint OUT.pth and its config OUT.py, for tools/test.py, tools/export.py,
mmpretrain.get_model and the inferencer. Nothing is written unless the network built
from them predicts the same.
"""

import argparse
import sys

from mmadf.deployment import DeploymentError, deploy_classifier
from mmadf.utils.command_line import report_invalid_input


def main() -> None:
    """Deploy; exit with 1 if the prediction would change, 2 for invalid input."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file, or a name of list_models')
    parser.add_argument('checkpoint', help='its checkpoint file')
    parser.add_argument('out', help='checkpoint to write, *.pth')
    parser.add_argument(
        '--no-fold',
        dest='fold',
        action='store_false',
        help='keep batch norms, so that the logits stay exactly the same',
    )
    args = parser.parse_args()
    try:
        with report_invalid_input() as start_work:
            deploy_classifier(**vars(args), on_start=start_work)
    except DeploymentError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
