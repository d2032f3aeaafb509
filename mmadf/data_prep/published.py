"""The published archives of Intel scenes, MIT-67, Sub-ImageNet-70 and ImageNet."""

import csv
import io
import re
from pathlib import PurePosixPath
from typing import Container, List, Optional, Sequence

from .layouts import Image, Layout
from .sources import Source


def _read_intel(source: Source) -> List[Image]:
    pattern = re.compile(r'(?:^|/)seg_(train|test)/([^/]+)/[^/]+\.(?i:jpe?g)$')
    matches = {name: pattern.search(name) for name in source.names}
    return [Image(name, m[1], m[2]) for name, m in matches.items() if m]


def _read_mit67(source: Source) -> List[Image]:
    files = {}
    for name in source.names:
        if 'Images' in name.split('/')[:-2]:
            first = files.setdefault('/'.join(name.split('/')[-2:]), name)
            if first != name:
                raise ValueError(
                    f'{MIT67.title}: {first} and {name} of {source.path} are the same '
                    'entry of the lists; keep one of them.'
                )
    images = []
    for split, file in dict(train='TrainImages.txt', test='TestImages.txt').items():
        lines = _read_list(source, file).decode('utf-8', 'replace').split('\n')
        listed = [line.strip().replace('\\', '/') for line in lines if line.strip()]
        if files:
            _check_listed(source, file, listed, files)
            images += [Image(files[e], split, e.split('/')[0]) for e in listed]
    return images


def _read_subimagenet70(source: Source) -> List[Image]:
    images = []
    for split in ('train', 'test'):
        table = _find(source, f'{split}.csv')
        rows = _read_table(source, table, ('filename', 'class'))
        if not rows:
            return []
        folder = PurePosixPath(table).parent
        names = [str(folder / row['filename'].replace('\\', '/')) for row in rows]
        _check_listed(source, table, names, source.members)
        labels = [row['class'] for row in rows]
        images += map(Image, names, [split] * len(names), labels)
    return images


def _read_imagenet(source: Source) -> List[Image]:
    pattern = re.compile(r'CLS-LOC/(?:train/(n\d{8})|(val))/([^/]+)\.JPEG$')
    table = _find(source, 'LOC_val_solution.csv')
    rows = _read_table(source, table, ('ImageId', 'PredictionString'))
    labels = {  # PredictionString: 'wnid x y x y wnid x y ...'
        row['ImageId']: row['PredictionString'].partition(' ')[0] for row in rows
    }
    if len(labels) != len(rows):
        raise ValueError(
            f'ImageNet-1k: {table} lists {len(rows) - len(labels):,} images more than '
            f'once; download {source.path} again.'
        )
    images = []
    for name in source.names if table else ():
        match = pattern.search(name)
        if match and match[1]:
            images.append(Image(name, 'train', match[1]))
        elif match:
            if match[3] not in labels:
                raise ValueError(
                    f'ImageNet-1k: {table} has no label for {name}; download '
                    f'{source.path} again.'
                )
            images.append(Image(name, 'val', labels[match[3]]))
    return images


def _find(source: Source, file: str) -> Optional[str]:
    """Return the first file of an archive with this name, in any folder."""
    return next((n for n in source.names if PurePosixPath(n).name == file), None)


def _read_table(
    source: Source, name: Optional[str], columns: Sequence[str]
) -> List[dict]:
    """Return the rows of a table; none if it is missing or lacks one of the columns."""
    if name is None:
        return []
    text = io.StringIO(source.read(name).decode('utf-8-sig'), newline='')
    rows = list(csv.DictReader(text, restval=''))
    return rows if rows and set(columns) <= set(rows[0]) else []


def _read_list(source: Source, file: str) -> bytes:
    """Read a list from the archive or, as MIT publishes it, from the same folder."""
    inside, beside = _find(source, file), source.path.parent / file
    if inside:
        return source.read(inside)
    if beside.is_file():
        return beside.read_bytes()
    raise ValueError(
        f'{MIT67.title}: {file} is neither in {source.path} ({source.summary()}) nor '
        f'beside it; download it from {MIT67.origin}.'
    )


def _check_listed(
    source: Source, table: str, listed: Sequence[str], files: Container[str]
) -> None:
    missing = [entry for entry in listed if entry not in files]
    if missing:
        raise ValueError(
            f'{table} lists {len(listed):,} images, of which {source.path} lacks '
            f'{len(missing):,} (first: {missing[0]}); download it again.'
        )


INTEL = Layout(
    title='Intel Image Classification',
    origin='https://www.kaggle.com/puneet6060/intel-image-classification',
    expected='seg_train/seg_train/<class>/*.jpg and seg_test/seg_test/<class>/*.jpg',
    read=_read_intel,
    counts=dict(train=14034, test=3000),
    num_classes=6,
)
MIT67 = Layout(
    title='MIT Indoor 67',
    origin='https://web.mit.edu/torralba/www/indoor.html',
    expected='Images/<class>/*.jpg, TrainImages.txt and TestImages.txt',
    read=_read_mit67,
    counts=dict(train=5360, test=1340),
    num_classes=67,
)
SUBIMAGENET70 = Layout(
    title='Sub-ImageNet-70',
    origin='https://www.kaggle.com/mohammadrahimzadeh/imagenet-70classes',
    expected='train.csv and test.csv (columns filename, class) and the images in them',
    read=_read_subimagenet70,
    counts=dict(train=31500, test=3500),
    num_classes=70,
)
IMAGENET = Layout(
    title='ImageNet-1k',
    origin='https://www.kaggle.com/c/imagenet-object-localization-challenge/data',
    expected='ILSVRC/Data/CLS-LOC/{train/<wnid>,val}/*.JPEG and LOC_val_solution.csv',
    read=_read_imagenet,
    counts=dict(train=1281167, val=50000),
    num_classes=1000,
)
