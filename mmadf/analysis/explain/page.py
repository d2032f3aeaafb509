"""An explanation as one page of pictures, for readers who do not know ADF."""

from pathlib import Path
from textwrap import dedent, fill
from typing import List, NamedTuple, Optional, Sequence, Union

import torch
from torch import Tensor
from torch.nn import functional as F

from mmadf.analysis.plots import blank, import_pyplot, overlay, plain, save_figure

from .evidence import Reading
from .explanation import Explanation
from .gates import draw_gate

TITLES = dict(
    appearance='Appearance network alone',
    semantic='Semantic network alone',
    fused='Semantic network with appearance',
)
ABSENT = dict(
    appearance='This network was cut for deployment: the appearance network has no '
    'decision of its own any more.',
    semantic='Nothing is fused in this network: without appearance the semantic '
    'network decides the same.',
)
ABOUT = """
    Two networks see the image. The appearance network passes
    features of its early, fine-grained stages to the semantic
    network. A gate decides where, and how much.

    Pictures: yellow places speak for the class that is named
    above; each picture has a scale of its own. "Alone" is the
    same trained semantic network with nothing let in.

    Bars: the five likeliest classes{truth}.
"""
ABOUT_GATES = """
    Gates: yellow places let more in, dark ones less.
    What arrives is the appearance behind the gate; at 100%
    it is as strong as what it joins is on average.
"""


class Page(NamedTuple):
    """What is shown: the image, (3, h, w), 0 to 255 in RGB, its name and class (None if
    unknown), what the network does with it, and the names of the classes.
    """

    image: Tensor
    name: str
    truth: Optional[str]
    explanation: Explanation
    classes: List[str]


def to_rgb(inputs: Tensor, size: Sequence[int]) -> Tensor:
    """Return what a pipeline gives as a picture, (3, H, W), 0 to 255.

    Args:
        inputs: (3, h, w) in BGR, as MMCV reads, or grey, (1, h, w); values that are no
            bytes are stretched.
        size: H and W of what the network gets, padded below and to the right.
    """
    image = inputs.float()
    if inputs.dtype != torch.uint8:
        image = image - image.min()
        image = 255 * image / image.max().clamp(min=1e-9)
    height, width = image.shape[-2:]
    padded = F.pad(image, (0, size[1] - width, 0, size[0] - height))
    return padded.flip(0).expand(3, -1, -1)


def draw_page(page: Page, out: Path) -> None:
    """Write a page as a picture.

    Args:
        page: what to show.
        out: PNG to write; its folder is made.

    Raises:
        ImportError: matplotlib is missing.
    """
    plt = import_pyplot()
    gates = page.explanation.gates
    rows = (len(gates) + 1) // 2
    heights = [5.4, *[3.7] * rows]
    figure = plt.figure(figsize=(13.5, sum(heights) + 0.8), layout='constrained')
    figure.suptitle(_headline(page), x=0.01, ha='left', fontsize=15)
    parts = figure.subfigures(1 + rows, 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_decisions(parts[0], page)
    for row, part in enumerate(parts[1:]):
        halves = part.subfigures(1, 2)
        for index, half in enumerate(halves, start=2 * row):
            if index < len(gates):
                draw_gate(half, page.image, index, gates)
            else:
                half.text(0.08, 0.75, dedent(ABOUT_GATES), va='top', fontsize=11)
    save_figure(figure, out, dpi=80)


def _headline(page: Page) -> str:
    scores = page.explanation.scores
    answer = f'{page.classes[int(scores.argmax())]}, {_percent(scores.max())}'
    truth = '' if page.truth is None else f'   –   it is: {page.truth}'
    return plain(f'{page.name}   –   the network says: {answer}{truth}')


def _draw_decisions(figure: object, page: Page) -> None:
    """Draw the image and the places behind each decision; below, the likeliest."""
    axes = figure.subplots(2, 4, height_ratios=[3, 2])
    blank(axes[0, 0]).imshow(page.image.permute(1, 2, 0).byte().numpy())
    axes[0, 0].set_title('What the networks see\n')
    truth = '' if page.truth is None else '; the true one is green'
    about = dedent(ABOUT).format(truth=truth)
    if page.explanation.gates and len(page.explanation.gates) % 2 == 0:
        about += dedent(ABOUT_GATES)
    blank(axes[1, 0]).text(0, 1, about.strip(), va='top', fontsize=9)
    for (name, title), above, below in zip(
        TITLES.items(), axes[0, 1:], axes[1, 1:], strict=True
    ):
        reading = page.explanation.readings.get(name)
        if reading is None:
            blank(above).set_title(f'{title}\n')
            blank(below)
            above.text(0.05, 0.9, fill(ABSENT[name], 32), va='top', fontsize=11)
            continue
        best = _short(page.classes[int(reading.scores.argmax())], 28)
        high = float(reading.cam.max())
        shown = overlay(above, page.image, reading.cam, 'inferno', (0, high))
        place = dict(ax=above, location='bottom', shrink=0.7, aspect=30, pad=0.02)
        bar = figure.colorbar(shown, **place)
        bar.set_ticks(shown.get_clim(), labels=['not for it', 'most'])
        above.set_title(plain(f'{title}\nsays {best}'))
        _draw_bars(below, reading, page)


def _draw_bars(axes: object, reading: Reading, page: Page) -> None:
    """Draw the five likeliest classes, the likeliest on top."""
    scores, labels = reading.scores.float().topk(min(5, len(reading.scores)))
    names = [page.classes[label] for label in labels.tolist()]
    colors = ['#7fc97f' if name == page.truth else '#c3cbd6' for name in names]
    axes.barh(range(len(names)), scores.tolist(), color=colors)
    for row, (name, score) in enumerate(zip(names, scores, strict=True)):
        axes.text(0.01, row, plain(_short(name, 28)), va='center', fontsize=10)
        axes.text(0.99, row, _percent(score), va='center', ha='right', fontsize=10)
    axes.set(xlim=(0, 1), ylim=(4.5, -0.5), yticks=[])
    axes.xaxis.set_major_formatter(lambda value, _: _percent(value))


def _short(name: str, length: int) -> str:
    """Return the first of several names, cut to `length` signs."""
    name = name.split(',')[0]
    return name if len(name) <= length else name[: length - 1] + '…'


def _percent(value: Union[float, Tensor]) -> str:
    return f'{float(value):.0%}'
