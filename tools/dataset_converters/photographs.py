"""Copy six photographs of scikit-image and scikit-learn into a folder.

They have licences that allow it; docs/explain.md names the photographers.

Run: python tools/dataset_converters/photographs.py data/photographs
"""

import argparse
import shutil
from pathlib import Path
from typing import Callable

from mmadf.utils.command_line import report_invalid_input
from mmadf.utils.files import atomic_folder
from mmadf.utils.optional import import_optional

# File to write: package that holds the photograph, path in it.
SOURCES = {
    'cat.png': ('skimage', 'data/chelsea.png'),
    'espresso.png': ('skimage', 'data/coffee.png'),
    'rocket.jpg': ('skimage', 'data/rocket.jpg'),
    'astronaut.png': ('skimage', 'data/astronaut.png'),
    'pavilion.jpg': ('sklearn', 'datasets/images/china.jpg'),
    'flower.jpg': ('sklearn', 'datasets/images/flower.jpg'),
}


def copy_photographs(folder: Path, on_start: Callable[[], None] = lambda: None) -> None:
    """Copy the photographs; the folder appears only once it is complete.

    Args:
        folder: folder to create.
        on_start: called before the first photograph is copied.

    Raises:
        FileExistsError: the folder exists.
        ImportError: scikit-image or scikit-learn is not installed.
    """
    folders = {
        package: Path(import_optional(package).__file__).parent
        for package, _ in SOURCES.values()
    }
    with atomic_folder(folder) as partial:
        on_start()
        for name, (package, path) in SOURCES.items():
            shutil.copyfile(folders[package] / path, partial / name)


def main() -> None:
    """Parse the command line and copy the photographs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', type=Path, help='folder to create')
    folder = parser.parse_args().folder
    with report_invalid_input() as start_work:
        copy_photographs(folder, start_work)
    print(f'{len(SOURCES)} photographs in {folder}')


if __name__ == '__main__':
    main()
