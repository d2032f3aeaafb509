"""The confusion matrix as rows of cells for an HTML table."""

from typing import List, NamedTuple, Optional, Sequence

from torch import Tensor

MAX_CLASSES = 100  # a larger matrix is unreadable, and slow in a browser
MAX_NUMBERS = 30  # of classes, so that numbers fit into the cells


class Cell(NamedTuple):
    """Images of one true and one predicted class: their number and how to show it."""

    predicted: str
    images: int
    kind: str
    shade: float


class Row(NamedTuple):
    """A true class, and a cell for each predicted class, None without images."""

    truth: str
    cells: List[Optional[Cell]]


class Matrix(NamedTuple):
    """A confusion matrix to show.

    `classes` are those of rows and columns, `left_out` the number of further classes.
    `numbers` tells whether the cells are large enough for numbers.
    """

    classes: List[str]
    rows: List[Row]
    left_out: int
    numbers: bool


def shade(share: float) -> float:
    """Return the opacity of a cell: the square root shows small shares as well."""
    return round(0.1 + 0.9 * share**0.5, 3)


def shown_matrix(
    matrix: Tensor, classes: Sequence[str], limit: int = MAX_CLASSES
) -> Matrix:
    """Return a confusion matrix to show, with the colour of a cell by share of its row.

    Args:
        matrix: numbers of images by true class (rows) and predicted class (columns).
        classes: names of the classes.
        limit: largest number of classes; of more, those with the most wrong images and
            wrong predictions are shown.
    """
    wrong = matrix - matrix.diag().diag()
    errors = wrong.sum(0) + wrong.sum(1)
    most = errors.sort(descending=True, stable=True).indices[:limit]
    kept = most.sort().values.tolist()
    names = [classes[index] for index in kept]
    totals = matrix.sum(1).tolist()
    counts = matrix[kept][:, kept].tolist()
    rows = []
    for truth, row in zip(kept, counts, strict=True):
        cells = [
            _cell(classes, truth, predicted, images, totals[truth]) if images else None
            for predicted, images in zip(kept, row, strict=True)
        ]
        rows.append(Row(classes[truth], cells))
    return Matrix(names, rows, len(classes) - len(kept), len(kept) <= MAX_NUMBERS)


def _cell(
    classes: Sequence[str], truth: int, predicted: int, images: int, total: int
) -> Cell:
    opacity = shade(images / total)
    kind = 'right' if truth == predicted else 'wrong'
    kind += ' dark' if opacity > 0.6 else ''
    return Cell(classes[predicted], images, kind, opacity)
