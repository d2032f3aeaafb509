"""Predictions for several images as a table."""

import csv
import io
from base64 import b64encode
from pathlib import Path
from typing import Callable, Iterable, List, Sequence

from .network import DemoNetwork
from .uploads import UploadError

HEADER = (
    'file',
    'prediction',
    'probability',
    'second',
    'probability of second',
    'problem',
)
Row = List[object]


def predict_all(
    network: DemoNetwork,
    files: Sequence[Path],
    track: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> List[Row]:
    """Return a row of `HEADER` for each image file.

    A file that cannot be used has the problem instead of a prediction.

    Args:
        network: classifies the images.
        files: image files.
        track: wraps the files to show the progress.
    """
    return [_row(network, file) for file in track(files)]


def _row(network: DemoNetwork, file: Path) -> Row:
    try:
        scores = network.scores(network.read(file).batch)
    except UploadError as error:
        return [file.name, *[''] * (len(HEADER) - 2), str(error)]
    named = network.named(scores)
    best = sorted(named.items(), key=lambda item: -item[1])[:2]
    cells = [cell for name, score in best for cell in (name, round(score, 4))]
    return [file.name, *cells, *[''] * (len(HEADER) - 1 - len(cells))]


def to_csv(rows: Sequence[Row]) -> str:
    """Return rows and their header as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue()


def download_link(rows: Sequence[Row]) -> str:
    """Return a link, in HTML, that downloads rows as a file, without the server."""
    content = b64encode(to_csv(rows).encode('utf-8-sig')).decode()  # read by Excel
    return (
        '<a class="mm-download" download="predictions.csv" '
        f'href="data:text/csv;charset=utf-8;base64,{content}">Download as CSV</a>'
    )
