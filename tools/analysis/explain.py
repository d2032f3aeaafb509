"""Explain predictions of a classifier: an index, and an HTML page for each image.

Run: python tools/analysis/explain.py CONFIG CHECKPOINT IMAGES OUT [--device cpu]
     python tools/analysis/explain.py FOLDER IMAGES OUT ...

IMAGES is an image, or a folder with images in any subfolders. OUT/index.html shows all
images, the wrong predictions first; the page of IMAGES/a/b.jpg is OUT/a/b.jpg.html. A
page shows the photograph, the most probable classes, and the evidence (Grad-CAM) for
the predicted class and, where that is wrong, for the true one. For an ADF network, it
does so for the appearance branch and for the semantic branch without and with fusion,
and shows the gates, compared with their mean over all images. For Wise-SrNet, it shows
the spatial kernels. The true class of an image is the name of its folder, if there is
such a class and the network predicts one class per image. Pages need no other file.
Requires captum >= 0.9 and matplotlib.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

import torch
from mmpretrain.models.heads import MultiLabelClsHead
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
from mmadf.utils.images import EXTENSIONS
from mmadf.utils.optional import import_optional
from mmadf.weights.load import class_names, load_network, read_config, test_dataset


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
    model: nn.Module,
    pipeline: explain.Pipeline,
    files: List[Path],
    title: str,
    errors: list,
) -> Iterator[Tuple[Path, Tensor, Tensor]]:
    """Yield each image as a file, as the pipeline reads it, and as a batch of one.

    Errors of unreadable images are added to `errors`.
    """
    for file in import_optional('tqdm').tqdm(files, desc=title, unit='image'):
        try:
            inputs = explain.read_image(file, pipeline)
        except ValueError as error:
            # The name of a file need not be UTF-8.
            errors.append(str(error).encode(errors='backslashreplace').decode())
            continue
        yield file, inputs, explain.to_batch(model, inputs)


def write_pages(
    model: nn.Module,
    pipeline: explain.Pipeline,
    names_of: Callable[[int], List[str]],
    files: List[Path],
    args: argparse.Namespace,
) -> int:
    """Write a page for each image and the index; return the number of pages."""
    root = args.images.parent if args.images.is_file() else args.images
    index = args.out / 'index.html'
    batches = partial(read_batches, model, pipeline, files)
    gated = batches('gates', []) if getattr(model, 'mappers', ()) else ()
    maps = [explain.gate_maps(model, batch) for *_, batch in gated]
    has_one_label = not isinstance(getattr(model, 'head', None), MultiLabelClsHead)
    means, kernels = explain.mean_gates(maps), explain.kernels_of(model)
    errors, entries, classes = [], [], []
    for file, inputs, batch in batches('pages', errors):
        size = batch.shape[-2:]
        photograph = explain.take_photograph(file, pipeline, inputs, size)
        classes = classes or names_of(model.predict(batch)[0].pred_score.numel())
        truth = explain.class_of(file, classes) if has_one_label else None
        found = explain.explain(model, batch, truth)
        name = str(file.relative_to(root))
        page = explain.Page(photograph, name, truth, found, classes, means, kernels)
        out = args.out / f'{name}.html'
        out.parent.mkdir(parents=True, exist_ok=True)
        html = explain.page_html(page, explain.relative_link(index, out))
        out.write_text(html, encoding='utf-8', errors='replace')
        entries.append(explain.make_entry(page, out, index))
    for error in errors:
        print(f'skipped: {error}')
    if entries:
        title = f'{root.resolve().name}: predictions'
        html = explain.index_html(entries, title, errors)
        index.write_text(html, encoding='utf-8', errors='replace')
    return len(entries)


def main() -> None:
    """Load the network and explain every image."""
    args = parse_args()
    with report_invalid_input():
        import_pyplot()
        import_optional('tqdm')
        explain.import_grad_cam()
        check_writable(args.out)
        explain.check_index(args.out / 'index.html')
        cfg = read_config(args.config)
        extensions = *EXTENSIONS, *test_dataset(cfg).get('extensions', ())
        files = explain.find_images(args.images, extensions)
        pipeline = explain.build_pipeline(cfg)
        model, meta = load_network(cfg, args.checkpoint, args.device)
        explain.parts_of(model)
    names_of = partial(class_names, cfg, meta)
    count = write_pages(model, pipeline, names_of, files, args)
    if not count:
        raise SystemExit(1)  # the errors were printed
    print(f'{count} pages: {args.out / "index.html"}')


if __name__ == '__main__':
    main()
