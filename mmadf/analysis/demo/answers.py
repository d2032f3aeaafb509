"""What the page asks of a network, as functions of files without Gradio."""

from html import escape
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np

from mmadf.analysis.explain import (
    explain,
    explanation_html,
    gate_maps,
    kernels_of,
    mean_gates,
)
from mmadf.analysis.explain.evidence import is_explainable
from mmadf.analysis.explain.explanation import Explanation
from mmadf.analysis.explain.gate_mean import GateMean
from mmadf.analysis.explain.pictures import embed

from .network import DemoNetwork
from .table import Row, download_link, predict_all
from .uploads import check_count


class Answers:
    """The answers of a network to what a visitor of the page does.

    Args:
        network: classifies the images.
        examples: image files; the gates of an image are compared with their mean over
            these.

    Raises:
        UploadError: an example cannot be read as an image.
    """

    def __init__(self, network: DemoNetwork, examples: Sequence[Path] = ()) -> None:
        self.network = network
        self.means = _mean_gates(network, examples)
        self.kernels = kernels_of(network.model)
        self.explains = is_explainable(network.model)

    def heading(self, title: str) -> str:
        """Return the title and what the network is as HTML."""
        model = self.network.model
        millions = sum(parameter.numel() for parameter in model.parameters()) / 1e6
        return (
            f'<h1>{escape(title)}</h1><p>{type(model).__name__}, {millions:.3g} '
            'million parameters. Images are sent to the computer that serves this '
            'page, and deleted there.</p>'
        )

    def predict(self, path: Optional[str], factor: float = 1) -> Dict[str, float]:
        """Return the probability of every class by name, empty without an image.

        Args:
            path: image file.
            factor: of the weight of the appearance features, see `scaled_appearance`.

        Raises:
            UploadError: the file cannot be read as an image, or is too large.
        """
        if path is None:
            return {}
        photo = self.network.read(Path(path))
        return self.network.named(self.network.scores(photo.batch, factor))

    def explain(self, path: Optional[str]) -> str:
        """Return evidence, gates and spatial kernels as HTML, empty without an image.

        Raises:
            UploadError: the file cannot be read as an image, or is too large.
        """
        if path is None:
            return ''
        network = self.network
        photo = network.read(Path(path))
        with network.lock:
            if self.explains:
                found = explain(network.model, photo.batch)
            else:
                found = Explanation({}, [], network.scores(photo.batch))
        names = list(network.named(found.scores))
        sections = explanation_html(
            photo.shown, found, names, means=self.means, kernels=self.kernels
        )
        return f'<div class="mm">{_input(photo.shown)}{sections}</div>'

    def table(
        self,
        paths: Optional[Sequence[str]],
        track: Callable[[Sequence[Path]], Iterable[Path]] = iter,
    ) -> Tuple[List[Row], str]:
        """Return the predictions for several images, and a link to download them.

        Args:
            paths: image files.
            track: wraps the files to show the progress.

        Raises:
            UploadError: no file, or too many; files that are no images are rows.
        """
        files = [Path(path) for path in paths or []]
        check_count(len(files))
        rows = predict_all(self.network, files, track)
        return rows, download_link(rows)


def _mean_gates(
    network: DemoNetwork, examples: Sequence[Path]
) -> List[Optional[GateMean]]:
    """Return the weights of the gates over the examples, empty without gates."""
    if not network.has_gates:
        return []
    batches = (network.read(path).batch for path in examples)
    return mean_gates([gate_maps(network.model, batch) for batch in batches])


def _input(shown: np.ndarray) -> str:
    """Return the image as the network takes it."""
    height, width = shown.shape[:2]
    note = f'Input of the network, {width} × {height} pixels'
    return f'<figure>{embed(shown, note)}<figcaption>{note}</figcaption></figure>'
