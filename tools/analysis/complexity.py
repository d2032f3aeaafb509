"""Print parameters (M) and multiply-adds (G) of a network, part by part.

Run: python tools/analysis/complexity.py CONFIG [--size 224] [--cfg-options ...]

The image has the size that the test pipeline returns; if that varies, 224 pixels or
another usual size that the network takes.

For an ADF network the table has columns for training, with both heads, and for
deployment, without folding of batch norms, and compares them with the single network
that its semantic branch is. PyTorch's counter counts convolutions and matrix products
of one image; MMPretrain's tables call multiply-adds FLOPs.
"""

import argparse

from mmadf.analysis import cost_by_phase, cost_table
from mmadf.deployment.input_spec import image_size, infer_input_spec
from mmadf.engine.config import merge_options
from mmadf.utils.command_line import ConfigOptions, report_invalid_input
from mmadf.weights.load import build_network, read_config, test_dataset


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file, or a name of list_models')
    parser.add_argument(
        '--size',
        type=int,
        help='image height and width in pixels (default: as the test pipeline returns, '
        'or a usual one if that varies)',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=ConfigOptions, help='override the config'
    )
    args = parser.parse_args()
    if args.size is not None and args.size < 1:
        parser.error(f'--size {args.size} must be > 0')
    with report_invalid_input():
        cfg = read_config(args.config)
        merge_options(cfg, args.cfg_options)
        spec = infer_input_spec(test_dataset(cfg).get('pipeline'))
        network = build_network(cfg)
        size = (args.size,) * 2 if args.size else image_size(spec, network)
        phases = cost_by_phase(network, size, spec.channels)
        head, *rows = cost_table(phases)
    assumed = '' if args.size or spec.size else f', assumed: {spec.remark}; see --size'
    print(f'image of {size[0]} x {size[1]} pixels{assumed}')
    for row in [head, ['-' * len(head[0])] * len(head), *rows]:
        print(' | '.join(f'{cell:>19}' for cell in row))


if __name__ == '__main__':
    main()
