"""Draw the architecture of ADF: docs/images/architecture.svg.

Run: python docs/figures/architecture.py [OUT.svg]

The background is transparent. Text on it and lines have a contrast of about 4 to both
white and GitHub's dark background; other text is white on dark boxes.
"""

import sys
from html import escape
from pathlib import Path

OUT = Path(__file__).parents[1] / 'images' / 'architecture.svg'
WIDTH, HEIGHT = 960, 420
APPEARANCE, SEMANTIC, MAPPER = '#B34C00', '#0067A3', '#00714F'  # boxes, white text
NAMES = {APPEARANCE: '#D0600F', SEMANTIC: '#2F80C2'}  # names on the background
GREY = '#7A828C'
TOP, BOTTOM = 100, 330  # centres of the two branches
STAGES = ((150, 84), (275, 68), (400, 54), (580, 44))  # left edge and height
SIDE = 86  # width of a stage
HEAD = 705


def text(x: float, y: float, words: str, color: str = GREY, **style: object) -> str:
    """Return a line of text, centred at x unless `anchor` says otherwise."""
    anchor, size = style.get('anchor', 'middle'), style.get('size', 16)
    weight = 'bold' if style.get('bold') else 'normal'
    return (
        f'<text x="{x}" y="{y}" fill="{color}" font-size="{size}" '
        f'font-weight="{weight}" text-anchor="{anchor}">{escape(words)}</text>'
    )


def box(
    left: float, middle: float, size: tuple, lines: tuple, color: str, cut: bool = False
) -> str:
    """Return a box with lines of text; one that deployment removes is hollow."""
    width, height = size
    fill = 'none' if cut else color
    dashes = ' stroke-dasharray="5 4"' if cut else ''
    rect = (
        f'<rect x="{left}" y="{middle - height / 2}" width="{width}" height="{height}" '
        f'rx="7" fill="{fill}" stroke="{NAMES.get(color, color)}" stroke-width="1.5"'
        f'{dashes}/>'
    )
    first = middle + 6 - 10 * (len(lines) - 1)
    ink = NAMES[color] if cut else '#FFFFFF'
    words = (
        text(left + width / 2, first + 20 * row, line, ink)
        for row, line in enumerate(lines)
    )
    return '\n'.join([rect, *words])


def arrow(*points: tuple, cut: bool = False) -> str:
    """Return an arrow through points."""
    path = ' '.join(f'{x},{y}' for x, y in points)
    dashes = ' stroke-dasharray="5 4"' if cut else ''
    return (
        f'<polyline points="{path}" fill="none" stroke="{GREY}" stroke-width="2"'
        f'{dashes} marker-end="url(#head)"/>'
    )


def image() -> str:
    """Return a small landscape, which stands for the input image."""
    return (
        '<rect x="20" y="180" width="74" height="70" rx="7" fill="#BFE0F5"/>'
        '<circle cx="74" cy="198" r="8" fill="#E69F00"/>'
        '<path d="M20 243 l22 -34 16 22 12 -14 24 26 v0 a7 7 0 0 1 -7 7 h-60 '
        'a7 7 0 0 1 -7 -7 z" fill="#3B7A57"/>'
    ) + text(57, 272, 'image')


def branch(middle: float, color: str, name: str, cut_from: int) -> str:
    """Return the stages and the head of a branch, and the arrows between them."""
    parts = [text(150, middle - 54, name, NAMES[color], anchor='start', bold=True)]
    ends = [left for left, _ in STAGES[1:]] + [HEAD]
    for index, (left, height) in enumerate(STAGES):
        cut = index >= cut_from
        parts.append(box(left, middle, (SIDE, height), (f'stage {index}',), color, cut))
        parts.append(
            arrow(
                (left + SIDE, middle),
                (ends[index] - 3, middle),
                cut=index + 1 >= cut_from,
            )
        )
    return '\n'.join(parts)


def mapper() -> str:
    """Return the mapper, which reads stages 0 and 1 and is added after stage 2."""
    tap, plus = 503, 540
    return '\n'.join(
        [
            f'<rect x="228" y="172" width="366" height="84" rx="9" fill="none" '
            f'stroke="{MAPPER}" stroke-width="1.5"/>',
            text(603, 220, 'mapper', '#1F9070', anchor='start', bold=True),
            arrow((255, TOP), (255, 186)),
            arrow((361, TOP), (380, TOP), (380, 186)),
            box(240, 214, (160, 52), ('depthwise-', 'separable convs'), MAPPER),
            arrow((400, 214), (449, 214)),
            text(424, 206, 'a'),
            box(452, 214, (130, 52), ('gate', 'g(s, a) ∈ (0, 1)'), MAPPER),
            arrow((tap, BOTTOM), (tap, 243)),
            text(tap - 11, 292, 's'),
            arrow((plus, 240), (plus, BOTTOM - 14)),
            text(plus + 8, 292, 'g · a', anchor='start'),
            f'<circle cx="{plus}" cy="{BOTTOM}" r="12" fill="{MAPPER}"/>',
            text(plus, BOTTOM + 6, '+', '#FFFFFF', size=18, bold=True),
        ]
    )


def draw() -> str:
    """Return the whole figure."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" '
        'font-family="Segoe UI, Helvetica, Arial, sans-serif">',
        '<title>ADF: appearance branch, mapper, semantic branch</title>',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="5" '
        f'markerHeight="5" orient="auto"><path d="M0 0 8 4 0 8z" fill="{GREY}"/>'
        '</marker></defs>',
        image(),
        arrow((98, 205), (118, 205), (118, TOP), (147, TOP)),
        arrow((98, 225), (118, 225), (118, BOTTOM), (147, BOTTOM)),
        branch(TOP, APPEARANCE, 'appearance branch', 2),
        branch(BOTTOM, SEMANTIC, 'semantic branch', 9),
        box(HEAD, TOP, (90, 44), ('head',), APPEARANCE, True),
        box(HEAD, BOTTOM, (90, 44), ('head',), SEMANTIC),
        text(HEAD + 100, TOP + 5, 'loss', anchor='start'),
        text(HEAD + 100, BOTTOM - 4, 'loss and', anchor='start'),
        text(HEAD + 100, BOTTOM + 16, 'prediction', anchor='start'),
        mapper(),
        f'<rect x="391" y="38" width="464" height="112" rx="9" fill="none" '
        f'stroke="{GREY}" stroke-dasharray="2 4" stroke-width="1.5"/>',
        text(623, 26, 'removed for deployment; the prediction stays the same'),
        text(
            150,
            400,
            'The branches have the same input and weights of their own. '
            'The mapper adds shallow features to deep ones.',
            anchor='start',
        ),
        '</svg>',
    ]
    return '\n'.join(parts) + '\n'


if __name__ == '__main__':
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.write_text(draw(), encoding='utf-8')
