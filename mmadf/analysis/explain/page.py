"""The explanation of one image as an HTML page, for readers who do not know ADF."""

from collections import Counter
from html import escape
from typing import List, NamedTuple, Optional, Sequence

import numpy as np
from torch import Tensor

from .document import document, mark, percent
from .evidence import TITLES, Evidence
from .explanation import Explanation
from .gate_mean import GateMean
from .gates import gate_section
from .photograph import Photograph
from .pictures import EVIDENCE_MAP, embed, gradient, heat_map

CLASSES = 5  # so many of the most probable classes are listed
ABOUT = """
<p><b>Evidence</b> is Grad-CAM: the positions of the last feature map that raise the
logit of a class, each map on a scale of its own. The bars are the most probable
classes.</p>
"""
ABOUT_ADF = """
<p>Two branches process the image. Mappers fuse features of shallow, fine-grained stages
of the <b>appearance branch</b> into the <b>semantic branch</b>, weighted by gates.
"Without fusion" is the same trained branch with its mappers skipped. Stages are counted
from 0.</p>
"""
ZOOM = """
document.querySelectorAll('.photo').forEach(photo =>
  photo.onclick = () => photo.classList.toggle('zoom'));
"""


class Page(NamedTuple):
    """What a page shows.

    `truth` is the index of the true class, None if it is unknown; `classes` the names
    of all classes; `means` the weights of the gates over a set of images, see
    `mean_gates`, empty if there is no set.
    """

    photograph: Photograph
    name: str
    truth: Optional[int]
    explanation: Explanation
    classes: List[str]
    means: Sequence[Optional[GateMean]] = ()

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
    evidence = ''.join(
        _part_card(photo, TITLES[name], of_part, page)
        for name, of_part in found.evidence.items()
    )
    means = page.means or [None] * len(found.gates)
    gates = ''.join(
        gate_section(photo, gate, f'Mapper {number} of {len(found.gates)}', mean)
        for number, (gate, mean) in enumerate(zip(found.gates, means, strict=True), 1)
    )
    about = ABOUT + ('' if 'whole' in found.evidence else ABOUT_ADF)
    link = f'<p class="note"><a href="{back}">← all images</a></p>' if back else ''
    body = (
        f'{link}{_headline(page)}\n{_photograph(page)}\n<h2>Evidence</h2>\n'
        f'<div class="grid parts">{evidence}</div>\n{gates}\n'
        f'<h2>How to read this page</h2>\n<div class="note">{about}</div>'
    )
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


def _part_card(photo: np.ndarray, title: str, evidence: Evidence, page: Page) -> str:
    """Return the prediction of a part of the network, and the evidence for it."""
    predicted = int(evidence.scores.argmax())
    right = None if page.truth is None else predicted == page.truth
    names = page.short
    maps = _evidence(photo, evidence.cam, names[predicted], 'predicted')
    if evidence.true_cam is not None:
        maps += _evidence(photo, evidence.true_cam, names[page.truth], 'true')
    return (
        f'<section class="card"><h3>{title} {mark(right)}</h3>'
        f'<div class="maps">{maps}</div>'
        f'{_bars(evidence.scores.float(), page)}</section>'
    )


def _evidence(photo: np.ndarray, cam: Tensor, name: str, kind: str) -> str:
    """Return Grad-CAM of one class over the photograph."""
    caption = f'for the {kind} class, {name}'
    if float(cam.max()) <= 0:
        return f'<p class="note">No evidence {escape(caption)}.</p>'
    shown = heat_map(photo, cam, EVIDENCE_MAP, (0, float(cam.max())), opaque=False)
    size = f'{cam.shape[0]}&nbsp;×&nbsp;{cam.shape[1]} positions'
    colors = gradient(EVIDENCE_MAP, opaque=False)
    return (
        f'<figure>{embed(shown, f"Evidence {caption}")}'
        f'<div class="scale" style="background:{colors}"></div>'
        '<div class="ends"><span>none</span><span>most</span></div>'
        f'<figcaption>Evidence {escape(caption)}; {size}</figcaption></figure>'
    )


def _bars(scores: Tensor, page: Page) -> str:
    """Return the most probable classes and the true one, the most probable first."""
    labels = scores.topk(min(CLASSES, len(scores))).indices.tolist()
    if page.truth is not None and page.truth not in labels:
        labels.append(page.truth)
    names = page.short
    rows = (
        f'<li class="{"true" if label == page.truth else ""}">'
        f'<i style="width:{percent(scores[label], 1)}"></i>'
        f'<span>{escape(names[label])}'
        f'{" (true)" if label == page.truth else ""}</span>'
        f'<span>{percent(scores[label])}</span></li>'
        for label in labels
    )
    return f'<ul class="bars">{"".join(rows)}</ul>'


def short_names(classes: Sequence[str]) -> List[str]:
    """Return the first of several comma-separated names of each class.

    Classes that share their first name keep all of their names. Names are cut to 40
    characters where they differ in these.
    """
    first = [name.split(',')[0] for name in classes]
    counts = Counter(first)
    names = [
        name if counts[short] > 1 else short
        for name, short in zip(classes, first, strict=True)
    ]
    cut = [name if len(name) <= 40 else name[:39] + '…' for name in names]
    counts = Counter(cut)
    return [
        name if counts[short] > 1 else short
        for name, short in zip(names, cut, strict=True)
    ]
