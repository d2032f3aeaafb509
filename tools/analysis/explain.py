"""What an ADF network does with images: one page of pictures for each.

Run: python tools/analysis/explain.py CONFIG CHECKPOINT IMAGES OUT [--device cpu]

IMAGES is an image, or a folder with images in any subfolders; the page of
IMAGES/a/b.jpg is OUT/a/b.jpg.png. A page shows where the gates let appearance in, what
the appearance network, the semantic network without appearance, and both together
decide, and which places speak for it (Grad-CAM). If an image lies in a folder named
after a class, that class is marked. Needs captum >= 0.9.
"""

import argparse
from pathlib import Path
from typing import List

import torch

from mmadf.analysis.explain.evidence import import_grad_cam
from mmadf.analysis.explain.explanation import check_model, explain
from mmadf.analysis.explain.page import Page, draw_page, to_rgb
from mmadf.analysis.image_files import ImageReader, class_of, find_images
from mmadf.analysis.plots import import_pyplot
from mmadf.utils.command_line import report_invalid_input
from mmadf.utils.progress import import_tqdm
from mmadf.weights.load import class_names, load_network, read_config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file of the network')
    parser.add_argument('checkpoint', help='checkpoint file of it')
    parser.add_argument('images', type=Path, help='an image, or a folder of them')
    parser.add_argument('out', type=Path, help='folder for the pages')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    parser.add_argument('--device', default=device, help=f'default: {device}')
    return parser.parse_args()


def draw_pages(args: argparse.Namespace, files: List[Path]) -> List[str]:
    """Write a page for each image; return what is wrong with those left out."""
    with report_invalid_input():
        cfg = read_config(args.config)
        model, meta = load_network(cfg, args.checkpoint, args.device)
        check_model(model)
    root = args.images.parent if args.images.is_file() else args.images
    reader, problems = ImageReader(cfg), []
    for file in import_tqdm()(files, desc='pages', unit='image'):
        try:
            inputs = reader(file)
        except ValueError as error:
            problems.append(str(error))
            continue
        batch = model.data_preprocessor(dict(inputs=inputs[None]))
        explanation = explain(model, batch['inputs'])
        names = class_names(cfg, meta, len(explanation.scores))
        image = to_rgb(inputs, batch['inputs'].shape[-2:])
        page = Page(image, file.name, class_of(file, names), explanation, names)
        draw_page(page, args.out / file.relative_to(root).with_name(f'{file.name}.png'))
    return problems


def main() -> None:
    """Load, look at every image, and say what could not be read."""
    args = parse_args()
    with report_invalid_input():
        import_pyplot()
        import_grad_cam()
        files = find_images(args.images)
    problems = draw_pages(args, files)
    for problem in problems:
        print(f'left out, cannot be read: {problem}')
    print(f'{len(files) - len(problems)} pages: {args.out}')
    if len(problems) == len(files):
        raise SystemExit(1)


if __name__ == '__main__':
    main()
