"""Parameters and multiply-adds of a config's network.

Run: python tools/analysis/complexity.py CONFIG [--size 224]

Convolutions and matrix products of one forward pass are counted, by PyTorch's
counter; MMPretrain's tables call multiply-adds FLOPs.
"""

import argparse

import mmpretrain

import mmadf  # noqa: F401  registers
from mmadf.evaluation import count_cost


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file, or a name of list_models')
    parser.add_argument(
        '--size', type=int, default=224, help='image height and width in pixels'
    )
    args = parser.parse_args()
    cost = count_cost(mmpretrain.get_model(args.config), (args.size, args.size))
    print(f'parameters:    {cost["parameters"] / 1e6:.2f} M')
    print(f'multiply-adds: {cost["multiply_adds"] / 1e9:.2f} G ({args.size} pixels)')


if __name__ == '__main__':
    main()
