"""Parameters (M) and multiply-adds (G) of a config's network, part by part.

Run: python tools/analysis/complexity.py CONFIG [--size 224]

An ADF network is counted as trained, with both heads, and as deployed, with batch norms
not folded, beside the single network that its semantic branch is. Convolutions and
matrix products of one image are counted, by PyTorch's counter; MMPretrain's tables call
multiply-adds FLOPs.
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
    with report_invalid_input():
        cfg = read_config(args.config)
        cfg.model = strip_pretrained(cfg.model.to_dict())
        model = mmpretrain.get_model(cfg)
    head, *rows = cost_table(cost_by_phase(model, (args.size, args.size)))
    for row in [head, ['-' * len(head[0])] * len(head), *rows]:
        print(' | '.join(f'{cell:>19}' for cell in row))


if __name__ == '__main__':
    main()
