"""What a network does with one image as HTML: evidence, gates and spatial kernels."""

from collections import Counter
from html import escape
from typing import List, Mapping, Optional, Sequence

import numpy as np
from torch import Tensor

from mmadf.analysis.spatial_maps import SpatialMaps

from .cards import positions, scaled_picture
from .document import mark, percent
from .evidence import TITLES, Evidence
from .explanation import Explanation
from .gate_mean import GateMean
from .gates import gate_section
from .kernels import kernel_section
from .pictures import EVIDENCE_MAP, heat_map

CLASSES = 5  # so many of the most probable classes are listed
NO_MAP = (
    '<p class="note">Grad-CAM is not available: the head of this network takes no '
    'feature map.</p>\n'
)
DEPLOYED = (
    '<p class="note">This network is deployed, and has no prediction of the appearance '
    'branch.</p>\n'
)
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
ABOUT_KERNELS = """
<p>The <b>spatial kernels</b> weight the positions of the last feature map, and do not
depend on the image.</p>
"""


def explanation_html(
    photo: np.ndarray,
    explanation: Explanation,
    classes: Sequence[str],
    truth: Optional[int] = None,
    means: Sequence[Optional[GateMean]] = (),
    kernels: Optional[Mapping[str, SpatialMaps]] = None,
) -> str:
    """Return the evidence for each part of a network, its gates and spatial kernels.

    Args:
        photo: what the network receives, (H, W, 3), uint8.
        explanation: what it does with it.
        classes: names of all classes.
        truth: index of the true class, None if it is unknown.
        means: the weights of the gates over a set of images, see `mean_gates`, empty if
            there is no set.
        kernels: see `mmadf.analysis.spatial_maps`, None if there are none.

    Raises:
        ImportError: matplotlib is missing.
    """
    names, kernels = short_names(classes), kernels or {}
    parts = [
        _evidence_section(photo, explanation.evidence, names, truth),
        *_gate_sections(photo, explanation, means),
        *(
            kernel_section(slot, maps, explanation.scores, names)
            for slot, maps in kernels.items()
        ),
    ]
    return ''.join(parts) + _about(explanation, bool(kernels))


def _evidence_section(
    photo: np.ndarray,
    evidence: Mapping[str, Evidence],
    names: Sequence[str],
    truth: Optional[int],
) -> str:
    """Return a card for each part of the network."""
    cards = ''.join(
        _part_card(photo, TITLES[name], of_part, names, truth)
        for name, of_part in evidence.items()
    )
    note = '' if evidence else NO_MAP
    if 'fused' in evidence and 'appearance' not in evidence:
        note = DEPLOYED
    return f'<h2>Evidence</h2>\n{note}<div class="grid parts">{cards}</div>\n'


def _part_card(
    photo: np.ndarray,
    title: str,
    evidence: Evidence,
    names: Sequence[str],
    truth: Optional[int],
) -> str:
    """Return the prediction of a part of the network, and the evidence for it."""
    predicted = int(evidence.scores.argmax())
    right = None if truth is None else predicted == truth
    maps = _evidence_map(photo, evidence.cam, names[predicted], 'predicted')
    if evidence.true_cam is not None:
        maps += _evidence_map(photo, evidence.true_cam, names[truth], 'true')
    return (
        f'<section class="card"><h3>{title} {mark(right)}</h3>'
        f'<div class="maps">{maps}</div>'
        f'{_bars(evidence.scores.float(), names, truth)}</section>'
    )


def _evidence_map(photo: np.ndarray, cam: Tensor, name: str, kind: str) -> str:
    """Return Grad-CAM of one class over the photograph."""
    title = f'Evidence for the {kind} class, {name}'
    if float(cam.max()) <= 0:
        return f'<p class="note">No {escape(title[0].lower() + title[1:])}.</p>'
    shown = heat_map(photo, cam, EVIDENCE_MAP, (0, float(cam.max())), opaque=False)
    caption = f'{escape(title)}; {positions(cam.shape)}'
    ends = 'none', 'most'
    picture = scaled_picture(shown, title, EVIDENCE_MAP, ends, caption, opaque=False)
    return f'<figure>{picture}</figure>'


def _bars(scores: Tensor, names: Sequence[str], truth: Optional[int]) -> str:
    """Return the most probable classes and the true one, the most probable first."""
    labels = scores.topk(min(CLASSES, len(scores))).indices.tolist()
    if truth is not None and truth not in labels:
        labels.append(truth)
    rows = (
        f'<li class="{"true" if label == truth else ""}">'
        f'<i style="width:{percent(scores[label], 1)}"></i>'
        f'<span>{escape(names[label])}'
        f'{" (true)" if label == truth else ""}</span>'
        f'<span>{percent(scores[label])}</span></li>'
        for label in labels
    )
    return f'<ul class="bars">{"".join(rows)}</ul>'


def _gate_sections(
    photo: np.ndarray, explanation: Explanation, means: Sequence[Optional[GateMean]]
) -> List[str]:
    """Return what the gate of each mapper does."""
    gates = explanation.gates
    means = means or [None] * len(gates)
    return [
        gate_section(photo, gate, f'Mapper {number} of {len(gates)}', mean)
        for number, (gate, mean) in enumerate(zip(gates, means, strict=True), 1)
    ]


def _about(explanation: Explanation, has_kernels: bool) -> str:
    """Return how to read the sections, for readers who do not know the methods."""
    found = explanation.evidence
    about = ABOUT if found else ''
    about += ABOUT_ADF if 'fused' in found else ''
    about += ABOUT_KERNELS if has_kernels else ''
    return about and f'<h2>How to read this</h2>\n<div class="note">{about}</div>'


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
