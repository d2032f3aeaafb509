"""The first classes of CIFAR-100, by alphabet, as an image folder for short trainings.

Run: python tools/dataset_converters/cifar100.py data/cifar100 data/cifar20 --classes 20

The first folder is MMPretrain's, which downloads CIFAR-100 where it is missing. The
second gets {train,test}/<class>/<index in CIFAR-100>.png.
"""

import argparse
from pathlib import Path

import cv2
from mmengine.registry import init_default_scope
from mmpretrain.datasets import CIFAR100

from mmadf.utils.files import atomic_folder
from mmadf.utils.progress import import_tqdm


def write_classes(source: Path, root: Path, count: int) -> int:
    """Write the images of the first classes, all or nothing; return how many.

    Args:
        source: folder with CIFAR-100, or where it is downloaded to.
        root: folder to create.
        count: of the classes, from 1 to 100.

    Raises:
        ValueError: `root` exists.
        OSError: an image could not be written.
    """
    if root.exists():
        raise ValueError(f'{root} exists; remove it or choose another folder.')
    written = 0
    with atomic_folder(root) as partial:
        for split in ('train', 'test'):
            dataset = CIFAR100(data_root=str(source), split=split)
            names = dataset.metainfo['classes']
            for index in import_tqdm()(range(len(dataset)), split, unit='image'):
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
    """Write the images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help="MMPretrain's folder of CIFAR-100")
    parser.add_argument('root', type=Path, help='folder to create')
    parser.add_argument('--classes', type=int, default=20, help='how many')
    args = parser.parse_args()
    if not 1 <= args.classes <= 100:
        parser.error(f'--classes {args.classes} must be from 1 to 100')
    init_default_scope('mmpretrain')
    try:
        count = write_classes(args.source, args.root, args.classes)
    except ValueError as error:
        parser.error(str(error))
    print(f'{count:,} images of {args.classes} classes in {args.root}')


if __name__ == '__main__':
    main()
