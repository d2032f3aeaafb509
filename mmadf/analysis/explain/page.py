"""The explanation of one image as an HTML page, for readers who do not know ADF."""

from html import escape
from typing import List, Mapping, NamedTuple, Optional, Sequence

from mmadf.analysis.spatial_maps import SpatialMaps

from .document import document, mark, percent
from .explanation import Explanation
from .gate_mean import GateMean
from .photograph import Photograph
from .pictures import embed
from .sections import explanation_html, short_names

ZOOM = """
document.querySelectorAll('.photo').forEach(photo =>
  photo.onclick = () => photo.classList.toggle('zoom'));
"""


class Page(NamedTuple):
    """What a page shows.

    `truth` is the index of the true class, None if it is unknown; `classes` the names
    of all classes; `means` the weights of the gates over a set of images, see
    `mean_gates`, empty if there is no set; `kernels` are those of `spatial_maps`.
    """

    photograph: Photograph
    name: str
    truth: Optional[int]
    explanation: Explanation
    classes: List[str]
    means: Sequence[Optional[GateMean]] = ()
    kernels: Optional[Mapping[str, SpatialMaps]] = None

    @property
    def predicted(self) -> int:
        """Index of the class that the network predicts."""
        return int(self.explanation.scores.argmax())

    @property
    def short(self) -> List[str]:
        """Short names of all classes, see `short_names`."""
        return short_names(self.classes)

    @property
    def right(self) -> Optional[bool]:
        """Whether the prediction is right, None if the true class is unknown."""
        return None if self.truth is None else self.predicted == self.truth


def page_html(page: Page, back: Optional[str] = None) -> str:
    """Return a page that needs no other file.

    Args:
        page: what to show.
        back: escaped address of the index, None for none.

    Raises:
        ImportError: matplotlib is missing.
    """
    found, photo = page.explanation, page.photograph.part()
    sections = explanation_html(
        photo, found, page.classes, page.truth, page.means, page.kernels
    )
    link = f'<p class="note"><a href="{back}">← all images</a></p>' if back else ''
    body = f'{link}{_headline(page)}\n{_photograph(page)}\n{sections}'
    return document(page.name, body, ZOOM)


def _headline(page: Page) -> str:
    name = escape(page.classes[page.predicted])
    score = percent(page.explanation.scores.max())
    truth = ''
    if page.truth is not None:
        truth = f' · true class: <b>{escape(page.classes[page.truth])}</b>'
    head = f'<h1>{mark(page.right)} {name} ({score})</h1>'
    return f'{head}\n<p>{escape(page.name)}{truth}</p>'


def _photograph(page: Page) -> str:
    """Return the photograph with a frame around what the network receives."""
    pixels, (left, top, right, bottom) = page.photograph
    height, width = pixels.shape[:2]
    frame = note = ''
    if not page.photograph.whole:
        box = dict(
            left=left / width,
            top=top / height,
            width=(right - left) / width,
            height=(bottom - top) / height,
        )
        style = ';'.join(f'{key}:{percent(value, 2)}' for key, value in box.items())
        frame = f'<span class="frame" style="{style}"></span>'
        note = '; the network receives the part in the frame'
    return (
        f'<figure><div class="photo">{embed(pixels, page.name)}{frame}</div>'
        f'<figcaption>{width} × {height} pixels{note}</figcaption></figure>'
    )
