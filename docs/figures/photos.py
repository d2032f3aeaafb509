"""Explain six photographs with a network that knows ImageNet's classes.

Run: python docs/figures/photos.py CHECKPOINT PHOTOGRAPHS [OUT.png]

CHECKPOINT is that of configs/adf/single_efficientnetlite0_imagenet.py, PHOTOGRAPHS the
folder that tools/dataset_converters/photographs.py writes. Each photograph is shown as
the network receives it, above the three most probable classes and beside the evidence
(Grad-CAM) for the first one. The photographs whose first class is most probable come
first.
"""

import sys
from pathlib import Path
from typing import List

from mmadf.analysis import explain
from mmadf.analysis.explain.pictures import EVIDENCE_MAP, heat_map
from mmadf.analysis.plots import save_figure
from mmadf.analysis.style import PALETTE, WIDTH, styled
from mmadf.weights.load import class_names, load_network, read_config

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/adf/single_efficientnetlite0_imagenet.py'
BARS = 3


def explain_photos(checkpoint: str, folder: Path) -> List[explain.Page]:
    """Return the explanation of every photograph, the most certain ones first."""
    cfg = read_config(str(CONFIG))
    pipeline = explain.build_pipeline(cfg)
    model, meta = load_network(cfg, checkpoint)
    pages = []
    for path in folder.iterdir():
        inputs = explain.read_image(path, pipeline)
        batch = model.data_preprocessor(dict(inputs=inputs[None]))['inputs']
        photo = explain.take_photograph(path, pipeline, inputs, batch.shape[-2:])
        found = explain.explain(model, batch)
        names = class_names(cfg, meta, len(found.scores))
        pages.append(explain.Page(photo, path.name, None, found, names))
    return sorted(pages, key=lambda page: -float(page.explanation.scores.max()))


@styled()
def draw(pages: List[explain.Page], out: Path) -> None:
    """Draw three photographs side by side in each row."""
    from matplotlib import pyplot

    pyplot.rcParams['savefig.dpi'] = 150  # photographs make large files
    rows = len(pages) // 3
    figure = pyplot.figure(figsize=(WIDTH, 2.15 * rows))
    parts = figure.subfigures(rows, 3, wspace=0.03).ravel()
    for part, page in zip(parts, pages, strict=True):
        axes = part.subplot_mosaic(
            [['photo', 'evidence'], ['bars', 'bars']], height_ratios=[2.3, 1]
        )
        photo, (evidence,) = page.photograph.part(), page.explanation.evidence.values()
        limits = 0.0, float(evidence.cam.max())
        shown = heat_map(photo, evidence.cam, EVIDENCE_MAP, limits, opaque=False)
        for name, pixels in (('photo', photo), ('evidence', shown)):
            axes[name].imshow(pixels)
            axes[name].axis('off')
        _draw_bars(axes['bars'], page)
    save_figure(figure, out)


def _draw_bars(axes: object, page: explain.Page) -> None:
    """Draw the most probable classes, the most probable on top."""
    scores, labels = page.explanation.scores.topk(BARS)
    names = page.short
    axes.barh(range(BARS), scores.tolist(), color=PALETTE[5], alpha=0.6)
    for row, (score, label) in enumerate(zip(scores, labels, strict=True)):
        style = dict(va='center', fontsize=9)
        axes.text(0.01, row, names[label], **style)
        axes.text(0.99, row, f'{float(score):.0%}', ha='right', **style)
    axes.set(xlim=(0, 1), ylim=(BARS - 0.5, -0.5))
    axes.axis('off')


if __name__ == '__main__':
    default = ROOT / 'docs/images/explain_photos.png'
    found = explain_photos(sys.argv[1], Path(sys.argv[2]))
    draw(found, Path(sys.argv[3]) if sys.argv[3:] else default)
