"""Explain predictions of an ADF network: one page of plots per image.

Run: python tools/analysis/explain.py CONFIG CHECKPOINT IMAGES OUT [--device cpu]
     python tools/analysis/explain.py FOLDER IMAGES OUT ...

IMAGES is an image, or a folder with images in any subfolders; the page of
IMAGES/a/b.jpg is OUT/a/b.jpg.png. A page shows the predictions of the appearance
branch and of the semantic branch without and with fusion, the evidence for each
(Grad-CAM), and the gates, compared with their mean over all images. If the folder of an
image is named after a class, that class is marked as the true one. Requires captum >=
0.9 and matplotlib.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

import torch
from mmengine.dataset import Compose
from torch import Tensor, nn

from mmadf.analysis import explain
from mmadf.analysis.plots import import_pyplot
from mmadf.utils.command_line import (
    add_network_arguments,
    available_device,
    check_writable,
    parse_network,
    report_invalid_input,
)
from mmadf.utils.optional import import_optional
from mmadf.weights.load import class_names, load_network, read_config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_network_arguments(parser)
    parser.add_argument('images', type=Path, help='an image, or a folder of images')
    parser.add_argument('out', type=Path, help='folder to write the pages to')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    parser.add_argument(
        '--device', type=available_device, default=device, help=f'default: {device}'
    )
    return parse_network(parser)


def read_batches(
    model: nn.Module, pipeline: Compose, files: List[Path], title: str, errors: list
) -> Iterator[Tuple[Path, Tensor, Tensor]]:
    """Yield each image as a file, as the pipeline reads it, and as a batch of one.

    Errors of unreadable images are added to `errors`.
    """
    for file in import_optional('tqdm').tqdm(files, desc=title, unit='image'):
        try:
            inputs = explain.read_image(file, pipeline)
        except ValueError as error:
            errors.append(str(error))
            continue
        yield file, inputs, model.data_preprocessor(dict(inputs=inputs[None]))['inputs']


def draw_pages(
    model: nn.Module,
    pipeline: Compose,
    names_of: Callable[[int], List[str]],
    files: List[Path],
    args: argparse.Namespace,
) -> List[str]:
    """Write a page for each image; return the errors of unreadable images."""
    root = args.images.parent if args.images.is_file() else args.images
    batches = partial(read_batches, model, pipeline, files)
    maps = [explain.gate_maps(model, batch) for *_, batch in batches('gates', [])]
    means, errors = explain.mean_gates(maps), []
    for file, inputs, batch in batches('pages', errors):
        found = explain.explain(model, batch)
        names = names_of(len(found.scores))
        image = explain.to_rgb(inputs, batch.shape[-2:])
        truth = explain.class_of(file, names)
        page = explain.Page(image, file.name, truth, found, names, means)
        out = args.out / file.relative_to(root).with_name(f'{file.name}.png')
        explain.draw_page(page, out)
    return errors


def main() -> None:
    """Load the network, explain every image, and report unreadable images."""
    args = parse_args()
    with report_invalid_input():
        import_pyplot()
        import_optional('tqdm')
        explain.import_grad_cam()
        check_writable(args.out)
        files = explain.find_images(args.images)
        cfg = read_config(args.config)
        pipeline = explain.build_pipeline(cfg)
        model, meta = load_network(cfg, args.checkpoint, args.device)
        explain.check_model(model)
    names_of = partial(class_names, cfg, meta)
    errors = draw_pages(model, pipeline, names_of, files, args)
    for error in errors:
        print(f'skipped: {error}')
    print(f'{len(files) - len(errors)} pages: {args.out}')
    if len(errors) == len(files):
        raise SystemExit(1)


if __name__ == '__main__':
    main()
