"""Write scikit-learn's handwritten digits as an image folder.

The 1,797 digits (UCI "Optical Recognition of Handwritten Digits", 8x8 pixels, 16 grey
levels) are part of scikit-learn, so nothing is downloaded. The split is stratified and
fixed: 360 images (20 %) for test, 144 for validation and 1,293 for training.

Run: python tools/dataset_converters/digits.py data/digits
"""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Callable

import mmcv
import numpy as np

from mmadf.utils.command_line import report_invalid_input
from mmadf.utils.files import atomic_folder
from mmadf.utils.optional import import_optional

NUM_IMAGES = 1797
SPLITS = dict(test=360, val=144)


def write_digits(root: Path, on_start: Callable[[], None] = lambda: None) -> None:
    """Write `root`/{train,val,test}/<digit>/<index>.png.

    The folder appears only once it is complete.

    Args:
        root: folder to create.
        on_start: called before the first image is written.

    Raises:
        FileExistsError: the folder exists.
        ImportError: scikit-learn is not installed.
        OSError: images are missing after they have been written.
    """
    digits = import_optional('sklearn.datasets').load_digits()
    train_test_split = import_optional('sklearn.model_selection').train_test_split
    rest, indices_of = np.arange(NUM_IMAGES), {}
    for split, size in SPLITS.items():
        rest, indices_of[split] = train_test_split(
            rest, test_size=size, stratify=digits.target[rest], random_state=0
        )
    indices_of['train'] = rest
    with atomic_folder(root) as partial:
        on_start()
        for split, indices in indices_of.items():
            for index in indices:
                digit = str(digits.target[index])
                grey = (digits.images[index] * (255 / 16)).round().astype('uint8')
                path = partial / split / digit / f'{index:04d}.png'
                mmcv.imwrite(grey, path)
        check_digits(partial)


def check_digits(root: Path) -> None:
    """Count the images of a folder.

    Args:
        root: folder of `write_digits`.

    Raises:
        OSError: there are more or fewer than 1,797.
    """
    found = len(list(root.glob('*/*/*.png')))
    if found != NUM_IMAGES:
        raise OSError(
            f'{root} holds {found} of {NUM_IMAGES} digits; remove it, or choose '
            'another folder.'
        )


def main() -> None:
    """Parse the command line and write the images, unless they exist."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder to create')
    root = parser.parse_args().root
    with report_invalid_input() as start_work:
        if not root.exists():
            with suppress(FileExistsError):  # another process was faster
                write_digits(root, start_work)
                print(f'{NUM_IMAGES} digits written to {root}')
                return
        check_digits(root)
    print(f'{root} already holds all {NUM_IMAGES} digits')


if __name__ == '__main__':
    main()
