"""What all HTML pages share: their frame, their style, and marks of right and wrong."""

from html import escape
from typing import Optional

from mmadf.analysis.style import RIGHT, WRONG

# Of the sections that `explanation_html` returns, within an element of class "mm".
SECTIONS = f"""
.mm {{ --right: {RIGHT}; --wrong: {WRONG}; --soft: #8884; --faint: #8881; }}
@media (prefers-color-scheme: dark) {{
  .mm {{ --right: #56B4E9; --wrong: #F58B4C; }} }}
.mm * {{ box-sizing: border-box; }}
.mm h2 {{ font-size: 1.15rem; font-weight: 600; margin: 1.6rem 0 .3rem; }}
.mm h3 {{ font-size: 1rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }}
.mm p {{ margin: .3rem 0; }}
.mm .note, .mm figcaption {{ font-size: .875rem; opacity: .8;
  overflow-wrap: anywhere; }}
.mm .right {{ color: var(--right); }} .mm .wrong {{ color: var(--wrong); }}
.mm .mark {{ font-weight: 600; white-space: nowrap; }}
.mm .grid {{ display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 270px), 1fr)); }}
.mm .parts {{ grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }}
.mm .maps {{ display: grid; gap: 0 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 220px), 420px)); }}
.mm .card {{ border: 1px solid var(--soft); border-radius: 8px; padding: .7rem; }}
.mm figure {{ margin: .4rem 0; }}
.mm img {{ display: block; max-width: 100%; height: auto; border-radius: 4px; }}
.mm .maps img, .mm figure.card img {{ width: 100%; }}
.mm img.small {{ width: 320px; image-rendering: pixelated; }}
.mm .bars {{ list-style: none; margin: .5rem 0 0; padding: 0; font-size: .9rem; }}
.mm .bars li {{ position: relative; display: flex; justify-content: space-between;
  gap: .5rem; padding: .1rem .4rem; margin: 2px 0; background: var(--faint);
  border-left: 4px solid transparent; overflow-wrap: anywhere; }}
.mm .bars li.true {{ border-color: var(--right); font-weight: 600; }}
.mm .bars i {{ position: absolute; left: 0; top: 0; bottom: 0;
  background: var(--soft); }}
.mm .bars span {{ position: relative; }}
.mm .scale {{ height: 10px; border-radius: 3px; margin-top: .3rem; }}
.mm .ends {{ display: flex; justify-content: space-between; font-size: .8rem; }}
.mm .histogram {{ display: flex; align-items: flex-end; gap: 1px; height: 120px; }}
.mm .histogram b {{ flex: 1; background: {RIGHT}; min-height: 1px; }}
"""
PAGE = """
:root { color-scheme: light dark; }
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem;
  max-width: 1240px; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: .3rem 0; }
.photo { position: relative; display: inline-block; max-width: 100%; }
.mm .photo img { max-height: 75vh; width: auto; cursor: zoom-in; }
.photo.zoom { overflow: auto; }
.mm .photo.zoom img { max-width: none; max-height: none; cursor: zoom-out; }
.photo.zoom .frame { display: none; }
.frame { position: absolute; border: 2px dashed #fff; outline: 1px solid #0008;
  pointer-events: none; }
a { color: inherit; }
a.card { text-decoration: none; }
a.card:hover { border-color: currentColor; }
.mm .thumbnail img { width: 100%; height: 180px; object-fit: contain; }
select { font: inherit; max-width: 100%; }
"""
GENERATOR = '<meta name="generator" content="mmadf">'
WORDS = {True: ('right', '✓ right'), False: ('wrong', '✗ wrong')}


def document(title: str, body: str, script: str = '') -> str:
    """Return a whole page.

    Args:
        title: text, escaped here.
        body: HTML.
        script: JavaScript that runs at the end.
    """
    tail = f'<script>{script}</script>\n' if script else ''
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'{GENERATOR}\n<title>{escape(title)}</title>\n<style>{SECTIONS}{PAGE}</style>\n</head>\n'
        f'<body class="mm">\n{body}\n{tail}</body>\n</html>\n'
    )


def mark(right: Optional[bool]) -> str:
    """Return the mark of a right or wrong prediction, '' if the truth is unknown."""
    if right is None:
        return ''
    kind, words = WORDS[right]
    return f'<span class="mark {kind}">{words}</span>'


def percent(share: float, digits: int = 0) -> str:
    """Return a share as percent."""
    return f'{100 * float(share):.{digits}f}%'
