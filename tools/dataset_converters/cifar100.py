"""Write some classes of CIFAR-100 as an image folder.

Run: python tools/dataset_converters/cifar100.py data/cifar100 data/cifar100_10

MMPretrain downloads CIFAR-100 to the first folder if it is missing. The second folder
receives {train,test}/<class>/<index in CIFAR-100>.png. The classes are evenly spaced in
alphabetical order: ten are apple, bowl, chair, dolphin, lamp, mouse, plain, rose,
squirrel and train.
"""

import argparse
from pathlib import Path
from typing import Callable, List

import mmcv
from mmengine.registry import init_default_scope
from mmpretrain.datasets import CIFAR100

from mmadf.utils.command_line import report_invalid_input
from mmadf.utils.files import atomic_folder
from mmadf.utils.optional import import_optional


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help="MMPretrain's folder of CIFAR-100")
    parser.add_argument('root', type=Path, help='folder to create')
    parser.add_argument(
        '--classes', type=int, default=10, help='number of classes (default: 10)'
    )
    args = parser.parse_args()
    if not 1 <= args.classes <= 100:
        parser.error(f'--classes {args.classes} must be from 1 to 100')
    if args.root.exists():  # before the download
        parser.error(f'{args.root} exists; remove it or choose another folder')
    return args


def write_classes(
    datasets: List[CIFAR100],
    root: Path,
    count: int,
    on_start: Callable[[], None] = lambda: None,
) -> int:
    """Write the images of evenly spaced classes and return their number.

    The folder appears only once it is complete.

    Args:
        datasets: training and test images.
        root: folder to create.
        count: number of classes.
        on_start: called before the first image is written.

    Raises:
        FileExistsError: the folder exists.
        OSError: images are missing after they have been written.
    """
    tqdm = import_optional('tqdm').tqdm
    written = 0
    kept = {index * 100 // count for index in range(count)}
    with atomic_folder(root) as partial:
        on_start()
        for dataset in datasets:
            names = dataset.metainfo['classes']
            for index in tqdm(range(len(dataset)), dataset.split, unit='image'):
                info = dataset.get_data_info(index)
                if info['gt_label'] in kept:
                    folder = partial / dataset.split / names[info['gt_label']]
                    image = mmcv.rgb2bgr(info['img'])
                    mmcv.imwrite(image, folder / f'{index:05d}.png')
                    written += 1
        found = len(list(partial.glob('*/*/*.png')))
        if found != written:
            raise OSError(f'{partial} holds {found} of {written} images.')
    return written


def main() -> None:
    """Download CIFAR-100 if it is missing, and write the images."""
    args = parse_args()
    init_default_scope('mmpretrain')
    with report_invalid_input() as start_work:
        import_optional('tqdm')
        source = str(args.source)
        datasets = [CIFAR100(source, split) for split in ('train', 'test')]
        count = write_classes(datasets, args.root, args.classes, start_work)
    print(f'{count:,} images of {args.classes} classes in {args.root}')


if __name__ == '__main__':
    main()
