"""The page of a run: everything that is measured, drawn and written of it."""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from torch import nn
from torch.utils.data import DataLoader

from mmadf.analysis.calibration import calibration_error, reliability
from mmadf.analysis.cost import cost_by_phase, cost_table, total_cost
from mmadf.analysis.logs import training_seconds
from mmadf.analysis.tables import markdown_table
from mmadf.utils.files import atomic_write
from mmadf.utils.optional import import_optional

from .configuration import Configuration, hide_paths, summary
from .confusion import shade, shown_matrix
from .evidence import draw_evidence, explained_part
from .measures import by_class, confusion_matrix, most_confused, topk_by_readout
from .pictures import plot_losses, plot_reliability, plot_validation
from .predictions import Predictions, collect_predictions, image_name

TEMPLATE = Path(__file__).with_name('page.html')


class Run(NamedTuple):
    """A training run.

    `checkpoint` is the file to report, `seed` that of the training, None if unknown,
    `records` the log, see `read_log`, `images` what the test set consists of, see
    `kind_of_images`, and `is_bgr` whether its pipeline yields BGR images.
    """

    work_dir: Path
    checkpoint: Path
    config: Configuration
    seed: Optional[int]
    records: List[dict]
    images: str
    is_bgr: bool


def write_report(
    model: nn.Module, loader: DataLoader, run: Run, out: Path, keep: int
) -> str:
    """Test a network and write the page of its run.

    Args:
        model: the network of the checkpoint, in evaluation mode.
        loader: of the test set.
        run: what is reported.
        out: HTML file to write.
        keep: number of wrong predictions to show with their images.

    Returns:
        Accuracy by readout as a Markdown table.
    """
    found = collect_predictions(model, loader, keep)
    names = loader.dataset.metainfo.get('classes')
    classes = [str(x) for x in names or range(found.scores[found.chosen].shape[1])]
    fused = bool(getattr(model, 'mappers', ()))
    readouts = topk_by_readout(found.scores, found.labels, fused)
    page = dict(
        name=run.work_dir.resolve().name,
        checkpoint=run.checkpoint.name,
        images=f'{len(found.labels):,} {run.images}',
        classes=classes,
        readouts=readouts,
        chosen=list(readouts)[list(found.scores).index(found.chosen)],
        **describe_predictions(found, classes),
        **describe_training(run),
        **describe_cost(model, loader),
        **describe_evidence(model, loader, found, run.is_bgr),
    )
    atomic_write(out, render(page).encode(errors='backslashreplace'))
    rows = [
        [name, *(f'{x:.2f}' for x in row.values())] for name, row in readouts.items()
    ]
    head = ['readout', *next(iter(readouts.values()))]
    return f'{page["images"]}\n\n{markdown_table(head, rows)}'


def render(page: Dict[str, Any]) -> str:
    """Return the page as HTML, in which all names are escaped.

    Args:
        page: what the template shows, by name.
    """
    jinja2 = import_optional('jinja2')
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(TEMPLATE.read_text(encoding='utf-8')).render(page)


def describe_predictions(found: Predictions, classes: List[str]) -> Dict[str, Any]:
    """Return accuracy by class, confusions and calibration of the chosen readout."""
    scores = found.scores[found.chosen]
    matrix = confusion_matrix(scores, found.labels)
    confidence, predicted = scores.max(1)
    correct = (predicted == found.labels).int()
    of_classes = by_class(scores, found.labels, classes)
    known = [row.accuracy for row in of_classes if row.images]
    return dict(
        by_class=of_classes,
        mean_of_classes=sum(known) / len(known),
        matrix=shown_matrix(matrix, classes),
        shades=[(f'{share}%', shade(share / 100)) for share in (1, 10, 50, 100)],
        confused=most_confused(matrix, classes),
        calibration_error=calibration_error(confidence, correct),
        confidence=confidence.mean().item(),
        reliability=plot_reliability(reliability(confidence, correct)),
    )


def describe_training(run: Run) -> Dict[str, Any]:
    """Return learning curves, duration and config."""
    memory = [record['memory'] for record in run.records if 'memory' in record]
    return dict(
        losses=plot_losses(run.records),
        validation=plot_validation(run.records),
        seconds=training_seconds(run.records),
        memory=max(memory, default=None),
        config=hide_paths(run.config.text),
        config_changes=[hide_paths(change) for change in run.config.changes],
        summary=summary(run.config.fields, run.seed),
    )


def describe_cost(model: nn.Module, loader: DataLoader) -> Dict[str, Any]:
    """Return the cost of the network and of its parts."""
    channels, *size = loader.dataset[0]['inputs'].shape
    phases = cost_by_phase(model, tuple(size), channels)
    return dict(
        image_size=size, cost=cost_table(phases), total=total_cost(phases['trained'])
    )


def describe_evidence(
    model: nn.Module, loader: DataLoader, found: Predictions, is_bgr: bool
) -> Dict[str, Any]:
    """Return the most wrong predictions with pictures of their evidence."""
    part, explained = explained_part(model)
    wrong = [
        (
            image,
            image_name(image, loader.dataset),
            draw_evidence(model, part, image, is_bgr),
        )
        for image in found.most_wrong
    ]
    scores = found.scores[found.chosen]
    errors = (scores.argmax(1) != found.labels).sum().item()
    return dict(
        wrong=wrong, errors=errors, explained=explained, has_evidence=bool(part)
    )
