"""An explanation as one page of plots, for readers who do not know ADF."""

from pathlib import Path
from textwrap import dedent, fill
from typing import List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmadf.analysis.plots import (
    blank,
    import_pyplot,
    overlay,
    percent,
    save_figure,
)

from .evidence import Evidence
from .explanation import Explanation
from .gate_mean import GateMean
from .gates import draw_gate

TITLES = dict(
    appearance='Appearance branch',
    semantic='Semantic branch without fusion',
    fused='Semantic branch with fusion',
)
ABSENT = dict(
    appearance='Not available: a deployed network has no appearance head.',
    semantic='Not shown: this network has no mappers, so that the semantic branch '
    'makes the same prediction with and without fusion.',
)
ABOUT = """
    Two branches process the image. Mappers fuse features of
    shallow, fine-grained stages of the appearance branch into
    the semantic branch, weighted by gates.

    Heat maps: Grad-CAM evidence for the predicted class, each
    on a scale of its own. "Without fusion" is the same trained
    semantic branch with its mappers skipped.

    Bars: the five most probable classes{truth}.
"""
ABOUT_GATES = """
    Gates, from left to right: the weight in (0, 1) of the
    appearance features; the mean weight over all images; the
    difference of this image from it; the magnitude of the weighted
    features (100%: mean magnitude of the semantic features).
"""


class Page(NamedTuple):
    """What a page shows.

    `image` is RGB, (3, H, W), 0 to 255; `truth` the true class, None if it is unknown;
    `classes` the names of all classes; `means` the weights of the gates over a set of
    images, see `mean_gates`, empty if there is no set.
    """

    image: Tensor
    name: str
    truth: Optional[str]
    explanation: Explanation
    classes: List[str]
    means: Sequence[Optional[GateMean]] = ()


def to_rgb(inputs: Tensor, size: Sequence[int]) -> Tensor:
    """Return the output of a pipeline as an image to show, (3, H, W), 0 to 255.

    Args:
        inputs: (3, h, w), BGR as MMCV reads it, or (1, h, w), grey; values other than
            uint8 are stretched to the full range.
        size: H and W of the network's input, which is padded below and to the right.
    """
    image = inputs.float()
    if inputs.dtype != torch.uint8:
        image = image - image.min()
        image = 255 * image / image.max().clamp(min=1e-9)
    height, width = image.shape[-2:]
    padded = F.pad(image, (0, size[1] - width, 0, size[0] - height))
    return padded.flip(0).expand(3, -1, -1)


def draw_page(page: Page, out: Path) -> None:
    """Write a page as an image file.

    Args:
        page: what to show.
        out: PNG file to write; its folder is created if needed.

    Raises:
        ImportError: matplotlib is missing.
    """
    plt = import_pyplot()
    with plt.rc_context({'text.parse_math': False}):  # names may have dollar signs
        save_figure(_draw(plt, page), out, dpi=80)


def _draw(plt: object, page: Page) -> object:
    """Return a figure of the whole page."""
    gates = page.explanation.gates
    heights = [5.4, *[3.7] * len(gates)]
    figure = plt.figure(figsize=(13.5, sum(heights) + 0.8), layout='constrained')
    figure.suptitle(_headline(page), x=0.01, ha='left', fontsize=15)
    grid = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)
    top, *rows = grid[:, 0]
    _draw_predictions(top, page)
    means = page.means or [None] * len(gates)
    for index, (row, gate, mean) in enumerate(zip(rows, gates, means, strict=True)):
        title = f'Mapper {index + 1} of {len(gates)}'
        draw_gate(row, page.image, gate, title, mean)
    return figure


def _headline(page: Page) -> str:
    scores = page.explanation.scores
    top = f'{page.classes[int(scores.argmax())]} ({percent(scores.max())})'
    truth = '' if page.truth is None else f'   –   true class: {page.truth}'
    return f'{page.name}   –   prediction: {top}{truth}'


def _draw_predictions(figure: object, page: Page) -> None:
    """Draw the image, and for each part its evidence and its probabilities."""
    axes = figure.subplots(2, 4, height_ratios=[3, 2])
    blank(axes[0, 0]).imshow(page.image.permute(1, 2, 0).byte().numpy())
    axes[0, 0].set_title('Input image\n')
    truth = '' if page.truth is None else '; the true class is green'
    about = dedent(ABOUT).format(truth=truth)
    if page.explanation.gates:
        about += dedent(ABOUT_GATES)
    blank(axes[1, 0]).text(0, 1, about.strip(), va='top', fontsize=9)
    for (name, title), above, below in zip(
        TITLES.items(), axes[0, 1:], axes[1, 1:], strict=True
    ):
        evidence = page.explanation.evidence.get(name)
        if evidence is None:
            blank(above).set_title(f'{title}\n')
            blank(below)
            above.text(0.05, 0.9, fill(ABSENT[name], 32), va='top', fontsize=11)
            continue
        best = _short(page.classes[int(evidence.scores.argmax())])
        limits = (0, float(evidence.cam.max()))
        shown = overlay(above, page.image, evidence.cam, 'inferno', limits)
        place = dict(ax=above, location='bottom', shrink=0.7, aspect=30, pad=0.02)
        bar = figure.colorbar(shown, **place)
        bar.set_ticks(shown.get_clim(), labels=['no evidence', 'most'])
        above.set_title(f'{title}\npredicts {best}')
        _draw_bars(below, evidence, page)


def _draw_bars(axes: object, evidence: Evidence, page: Page) -> None:
    """Draw the five most probable classes, the most probable on top."""
    scores, labels = evidence.scores.float().topk(min(5, len(evidence.scores)))
    names = [page.classes[label] for label in labels.tolist()]
    colors = ['#7fc97f' if name == page.truth else '#c3cbd6' for name in names]
    axes.barh(range(len(names)), scores.tolist(), color=colors)
    for row, (name, score) in enumerate(zip(names, scores, strict=True)):
        axes.text(0.01, row, _short(name), va='center', fontsize=10)
        axes.text(0.99, row, percent(score), va='center', ha='right', fontsize=10)
    axes.set(xlim=(0, 1), ylim=(4.5, -0.5), yticks=[])
    axes.xaxis.set_major_formatter(lambda value, _: percent(value))


def _short(name: str) -> str:
    """Return the first of several comma-separated names, cut to 28 characters."""
    name = name.split(',')[0]
    return name if len(name) <= 28 else name[:27] + '…'
