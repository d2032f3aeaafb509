"""ImageNet-1k from Kaggle's archive, whose validation labels are in a table."""

import csv
import io
import re
from pathlib import PurePosixPath
from typing import List

from .layouts import Image, Layout
from .sources import Source

TABLE = 'LOC_val_solution.csv'  # ImageId, PredictionString: 'wnid x y x y ...'


def _read_imagenet(source: Source) -> List[Image]:
    pattern = re.compile(r'CLS-LOC/(?:train/(n\d{8})|(val))/([^/]+)\.JPEG$')
    tables = [n for n in source.names if PurePosixPath(n).name == TABLE]
    if not tables:
        return []
    rows = csv.DictReader(io.StringIO(source.read(tables[0]).decode('utf-8-sig')))
    labels = {row['ImageId']: row['PredictionString'].split()[0] for row in rows}
    images = []
    for name in source.names:
        match = pattern.search(name)
        if match and match[1]:
            images.append(Image(name, 'train', match[1]))
        elif match:
            if match[3] not in labels:
                raise ValueError(
                    f'ImageNet-1k: {tables[0]} has no label for {name}; download '
                    f'{source.path} again.'
                )
            images.append(Image(name, 'val', labels[match[3]]))
    return images


IMAGENET = Layout(
    title='ImageNet-1k',
    origin='https://www.kaggle.com/c/imagenet-object-localization-challenge/data',
    wanted=f'ILSVRC/Data/CLS-LOC/{{train/<wnid>,val}}/*.JPEG and {TABLE}',
    read=_read_imagenet,
    counts=dict(train=1281167, val=50000),
    num_classes=1000,
)
