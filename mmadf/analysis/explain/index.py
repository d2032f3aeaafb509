"""The index of all explained images: thumbnails, the wrong predictions first."""

import os
from html import escape
from pathlib import Path
from typing import List, NamedTuple, Sequence
from urllib.parse import quote

from .document import GENERATOR, document, mark, percent
from .page import Page
from .pictures import THUMBNAIL, embed, resize

# By value of the menu: its text. Ties keep the order of the page.
ORDERS = dict(
    verdict='wrong predictions first',
    confidence='least probable first',
    name='file name',
    predicted='predicted class',
    truth='true class',
)
SORT = """
const grid = document.querySelector('.grid'), menu = document.querySelector('select');
const cards = [...grid.children];
menu.onchange = () => {
  const key = menu.value, numbers = key === 'verdict' || key === 'confidence';
  const compare = numbers ? (a, b) => a - b : (a, b) => a.localeCompare(b);
  grid.append(...[...cards].sort((a, b) => compare(a.dataset[key], b.dataset[key])));
};
"""


class Entry(NamedTuple):
    """What the index keeps of a page: its file, and its HTML with keys to sort by."""

    file: Path
    verdict: int  # 0 wrong, 1 unknown, 2 right
    confidence: float
    html: str


def make_entry(page: Page, file: Path, index: Path) -> Entry:
    """Return the entry of a page.

    Args:
        page: what the page shows.
        file: of the page.
        index: file of the index.
    """
    verdict = 1 if page.right is None else 2 * page.right
    confidence = float(page.explanation.scores.max())
    names = page.short
    predicted = names[page.predicted]
    truth = '' if page.truth is None else names[page.truth]
    keys = dict(
        verdict=verdict,
        confidence=confidence,
        name=page.name,
        predicted=predicted,
        truth=truth,
    )
    data = ' '.join(f'data-{key}="{escape(str(value))}"' for key, value in keys.items())
    thumbnail = embed(resize(page.photograph.pixels, THUMBNAIL, 100), page.name)
    label = f'{mark(page.right)} <b>{escape(predicted)}</b> {percent(confidence)}'
    note = f'{escape(page.name)}' + (f' · true: {escape(truth)}' if truth else '')
    html = (
        f'<a class="card" {data} href="{relative_link(file, index)}">'
        f'<div class="thumbnail">{thumbnail}</div><p>{label}</p>'
        f'<p class="note">{note}</p></a>'
    )
    return Entry(file, verdict, confidence, html)


def check_index(index: Path) -> None:
    """Refuse to overwrite a file that is not an index of this package.

    Args:
        index: file to write later.

    Raises:
        ValueError: the file exists and is another page.
    """
    if index.exists() and GENERATOR.encode() not in index.read_bytes():
        raise ValueError(
            f'{index} exists and is not a page of mmadf; give another folder.'
        )


def index_html(entries: Sequence[Entry], title: str, skipped: Sequence[str]) -> str:
    """Return the index: wrong predictions first, and of these the most confident.

    Args:
        entries: of all pages, see `make_entry`.
        title: text, escaped here.
        skipped: errors of unreadable images.
    """
    ordered = sorted(entries, key=lambda entry: (entry.verdict, -entry.confidence))
    options = ''.join(f'<option value="{k}">{v}</option>' for k, v in ORDERS.items())
    body = (
        f'<h1>{escape(title)}</h1>\n<p>{_summary(entries)}</p>\n'
        f'<p><label>Sort by <select>{options}</select></label></p>\n'
        f'<div class="grid">{"".join(entry.html for entry in ordered)}</div>'
    )
    if skipped:
        lines = ''.join(f'<li>{escape(line)}</li>' for line in skipped)
        body += f'<h2>Not readable</h2><ul class="note">{lines}</ul>'
    return document(title, body, SORT)


def _summary(entries: Sequence[Entry]) -> str:
    """Return how many predictions are right, and how many truths are known."""
    verdicts: List[int] = [entry.verdict for entry in entries]
    known = len(verdicts) - verdicts.count(1)
    text = f'{len(entries)} image{"s" if len(entries) != 1 else ""}'
    if known:
        right = verdicts.count(2)
        text += f'; of {known} with a known class, {right} right '
        text += f'({percent(right / known, 1)})'
    if known < len(entries):
        text += (
            f'; {len(entries) - known} without a known class, which is the name of '
            'the folder if the network predicts one class per image'
        )
    return text


def relative_link(target: Path, source: Path) -> str:
    """Return the address of a file, as a link in another file."""
    path = os.path.relpath(target, source.parent)
    return escape(quote(path.replace(os.sep, '/'), errors='surrogateescape'))
