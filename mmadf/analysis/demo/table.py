"""Predictions for several images as a table."""

import csv
import io
from pathlib import Path
from typing import Callable, Iterable, List, Sequence

from mmadf.analysis.explain.pictures import data_uri

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
    content = to_csv(rows).encode('utf-8-sig')  # read by Excel
    return (
        '<a class="mm-download" download="predictions.csv" '
        f'href="{data_uri(content, "text/csv;charset=utf-8")}">Download as CSV</a>'
    )
