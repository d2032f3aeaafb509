"""Write the first classes of CIFAR-100, in alphabetical order, as an image folder.

Run: python tools/dataset_converters/cifar100.py data/cifar100 data/cifar20 --classes 20

MMPretrain downloads CIFAR-100 to the first folder if it is missing. The second folder
receives {train,test}/<class>/<index in CIFAR-100>.png.
"""

import argparse
from pathlib import Path

import cv2
from mmengine.registry import init_default_scope
from mmpretrain.datasets import CIFAR100

from mmadf.utils.command_line import report_invalid_input
from mmadf.utils.files import atomic_folder
from mmadf.utils.optional import import_optional


def write_classes(source: Path, root: Path, count: int) -> int:
    """Write the images of the first classes and return their number.

    The folder appears only once it is complete.

    Args:
        source: folder with CIFAR-100, or to which it is downloaded.
        root: folder to create.
        count: number of classes, 1 to 100.

    Raises:
        ValueError: `count` is out of range, or `root` exists.
        OSError: an image cannot be written.
    """
    if not 1 <= count <= 100:
        raise ValueError(f'--classes {count} must be from 1 to 100.')
    if root.exists():
        raise ValueError(f'{root} exists; remove it or choose another folder.')
    written = 0
    with atomic_folder(root) as partial:
        for split in ('train', 'test'):
            dataset = CIFAR100(data_root=str(source), split=split)
            names = dataset.metainfo['classes']
            for index in import_optional('tqdm').tqdm(
                range(len(dataset)), split, unit='image'
            ):
                info = dataset.get_data_info(index)
                if info['gt_label'] >= count:
                    continue
                path = partial / split / names[info['gt_label']] / f'{index:05d}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                if not cv2.imwrite(str(path), info['img'][..., ::-1]):  # RGB -> BGR
                    raise OSError(f'could not write {path}')
                written += 1
    return written


def main() -> None:
    """Parse the command line and write the images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help="MMPretrain's folder of CIFAR-100")
    parser.add_argument('root', type=Path, help='folder to create')
    parser.add_argument(
        '--classes', type=int, default=20, help='number of classes (default: 20)'
    )
    args = parser.parse_args()
    init_default_scope('mmpretrain')
    with report_invalid_input():
        count = write_classes(args.source, args.root, args.classes)
    print(f'{count:,} images of {args.classes} classes in {args.root}')


if __name__ == '__main__':
    main()
