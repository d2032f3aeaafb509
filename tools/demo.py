"""Try a trained network on photographs, on a page in the browser.

Run: python tools/demo.py FOLDER [--examples DIR] [--share]
     python tools/demo.py CONFIG CHECKPOINT [--examples DIR] [--share]

The page takes a photograph from a file, the examples or the camera, and shows the
classes with their probabilities, the Grad-CAM evidence of each branch, what the gates
let in, and the spatial kernels of Wise-SrNet. A slider mixes appearance in and out.
Several images give a table to download. Only this computer reaches the page unless
--host or --share is given. Requires gradio, captum and matplotlib.
"""

import argparse
import signal
import sys
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from threading import Event

import torch

from mmadf.analysis import demo, explain
from mmadf.analysis.plots import import_pyplot
from mmadf.utils.command_line import (
    add_network_arguments,
    available_device,
    parse_network,
    report_invalid_input,
)
from mmadf.utils.optional import import_optional
from mmadf.weights.load import class_names, load_network, read_config

MOST_EXAMPLES = 24


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_network_arguments(parser)
    parser.add_argument(
        '--examples',
        type=Path,
        metavar='DIR',
        help=f'folder of images to choose from; the first {MOST_EXAMPLES} are shown',
    )
    parser.add_argument(
        '--share',
        action='store_true',
        help='ask Gradio for a public link: anybody who has it can use the page',
    )
    parser.add_argument(
        '--host', default='127.0.0.1', help='address to bind to (default: %(default)s)'
    )
    parser.add_argument('--port', type=int, help='default: the first free from 7860')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    parser.add_argument(
        '--device', type=available_device, default=device, help=f'default: {device}'
    )
    return parse_network(parser)


def load(args: argparse.Namespace) -> demo.DemoNetwork:
    """Return the network with its pipeline and the names of its classes."""
    cfg = read_config(args.config)
    pipeline = explain.build_pipeline(cfg)
    model, meta = load_network(cfg, args.checkpoint, args.device)
    return demo.DemoNetwork(model, pipeline, partial(class_names, cfg, meta))


def main() -> None:
    """Load the network, and serve the page until the process is stopped."""
    args = parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # removes uploaded files
    with ExitStack() as stack:
        with report_invalid_input():
            import_optional('gradio')
            import_pyplot()
            explain.import_grad_cam()
            files = explain.find_images(args.examples) if args.examples else []
            examples = files[:MOST_EXAMPLES]
            answers = demo.Answers(load(args), examples)
            title = Path(args.config).resolve().stem
            link = (args.host, args.port, args.share)
            url = stack.enter_context(demo.served(answers, title, examples, *link))
        print(f'{title}: {url} (stop with Ctrl+C)', flush=True)
        with suppress(KeyboardInterrupt):
            Event().wait()


if __name__ == '__main__':
    main()
