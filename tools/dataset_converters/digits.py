"""Write scikit-learn's handwritten digits as an image folder.

1,797 real digits (UCI "Optical Recognition of Handwritten Digits", 8 x 8 pixels,
16 grey levels), which come with scikit-learn: nothing is downloaded. The split is
stratified and fixed: 360 images (20 %) are held out for the test; of the other 1,437,
144 choose the best checkpoint and 1,293 train.

Run: python tools/dataset_converters/digits.py data/digits
"""

import argparse
from pathlib import Path

from mmadf.utils.files import atomic_folder

NUM_IMAGES = 1797
SPLITS = dict(test=360, val=144)


def write_digits(root: Path) -> None:
    """Write `root`/{train,val,test}/<digit>/<index>.png, all or nothing.

    Args:
        root: folder to create; its parent must be writable.

    Raises:
        ImportError: scikit-learn is missing.
    """
    import cv2
    import numpy as np

    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise ImportError(
            'the digits come with scikit-learn: pip install scikit-learn'
        ) from error

    digits = load_digits()
    rest, folders = np.arange(NUM_IMAGES), {}
    for split, size in SPLITS.items():
        rest, folders[split] = train_test_split(
            rest, test_size=size, stratify=digits.target[rest], random_state=0
        )
    folders['train'] = rest
    with atomic_folder(root) as partial:
        for split, indices in folders.items():
            for index in indices:
                digit = str(digits.target[index])
                path = partial / split / digit / f'{index:04d}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                grey = (digits.images[index] * (255 / 16)).round().astype('uint8')
                if not cv2.imwrite(str(path), grey):
                    raise OSError(f'could not write {path}')


def main() -> None:
    """Write the images, unless they are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder to create')
    root = parser.parse_args().root
    found = len(list(root.glob('*/*/*.png')))
    if found == NUM_IMAGES:
        print(f'{root} holds all {NUM_IMAGES} digits, kept')
        return
    if root.exists():
        parser.error(
            f'{root} holds {found} of {NUM_IMAGES} digits; remove that folder, or '
            'choose another'
        )
    write_digits(root)
    print(f'{NUM_IMAGES} digits written to {root}')


if __name__ == '__main__':
    main()
