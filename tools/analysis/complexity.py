"""Print parameters (M) and multiply-adds (G) of a network, part by part.

Run: python tools/analysis/complexity.py CONFIG [--size 224]

For an ADF network the table has columns for training, with both heads, and for
deployment, without folding of batch norms, and compares them with the single network
that its semantic branch is. PyTorch's counter counts convolutions and matrix products
of one image; MMPretrain's tables call multiply-adds FLOPs.
"""

import argparse

import mmpretrain

from mmadf.analysis import cost_by_phase, cost_table
from mmadf.utils.command_line import report_invalid_input
from mmadf.weights.load import read_config, strip_pretrained


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file, or a name of list_models')
    parser.add_argument(
        '--size', type=int, default=224, help='image height and width in pixels'
    )
    args = parser.parse_args()
    if args.size < 1:
        parser.error(f'--size {args.size} must be > 0')
    with report_invalid_input():
        cfg = read_config(args.config)
        cfg.model = strip_pretrained(cfg.model.to_dict())
        model = mmpretrain.get_model(cfg)
    head, *rows = cost_table(cost_by_phase(model, (args.size, args.size)))
    for row in [head, ['-' * len(head[0])] * len(head), *rows]:
        print(' | '.join(f'{cell:>19}' for cell in row))


if __name__ == '__main__':
    main()
