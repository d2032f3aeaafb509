"""The page of a network in Gradio: what it shows, and what each part of it calls."""

from functools import wraps
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from mmadf.utils.optional import import_optional

from .answers import Answers
from .table import HEADER
from .uploads import MAX_BYTES, MAX_FILES, UploadError

TOP = 5  # classes whose probabilities are shown
KEEP = 3600, 3600  # seconds: uploaded files are deleted every hour when one hour old
MIXING = (
    'Multiplies the weight that the gates give to the appearance features. 0: without '
    'appearance, 1: as trained, 2: twice the weight.'
)
LIMITS = f'Up to {MAX_FILES} images of up to {MAX_BYTES // 2**20} MiB each'
ONE_AT_A_TIME = dict(concurrency_id='network', concurrency_limit=1)


def build_page(answers: Answers, title: str, examples: Sequence[Path]) -> object:
    """Return the page of a network, a `gradio.Blocks`.

    Args:
        answers: what the page calls.
        title: heading of the page.
        examples: image files to choose from.

    Raises:
        ImportError: gradio is missing.
    """
    gr = import_optional('gradio')
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=KEEP) as page:
        gr.HTML(answers.heading(title), padding=False)
        with gr.Tab('One image'):
            _one_image(gr, answers, examples)
        with gr.Tab('Several images'):
            _several_images(gr, answers)
    return page


def _one_image(gr: object, answers: Answers, examples: Sequence[Path]) -> None:
    """Add an image, its prediction, and what explains the prediction."""
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            image = _image(gr)
            if examples:
                gr.Examples([[str(path)] for path in examples], image)
        with gr.Column(scale=3, min_width=280):
            label = gr.Label(label='Prediction', num_top_classes=TOP)
            factor = gr.Slider(
                *(0, 2, 1),
                step=0.05,
                label='Appearance',
                info=MIXING,
                visible=answers.network.mixes,
            )
    explanation = gr.HTML(padding=False)
    predict = dict(fn=_told(gr, answers.predict), inputs=[image, factor], outputs=label)
    explain = dict(fn=_told(gr, answers.explain), inputs=image, outputs=explanation)
    quiet = dict(show_progress='hidden', api_visibility='private')
    image.change(
        lambda: (None, 1, ''), None, [label, factor, explanation], **quiet
    ).then(**predict, api_name='predict', **ONE_AT_A_TIME).success(
        **explain, api_name='explain', **ONE_AT_A_TIME
    )
    factor.input(**predict, trigger_mode='always_last', **quiet, **ONE_AT_A_TIME)


def _several_images(gr: object, answers: Answers) -> None:
    """Add files, and a table of their predictions."""
    files = gr.File(label=LIMITS, file_count='multiple', file_types=['image'])
    button = gr.Button('Classify', variant='primary')
    table = gr.Dataframe(headers=list(HEADER), label='Predictions', interactive=False)
    link = gr.HTML(padding=False)

    def _table(paths: List[str], progress: object = gr.Progress()) -> tuple:
        return answers.table(paths, progress.tqdm)

    outputs = [table, link]
    button.click(_told(gr, _table), files, outputs, api_name='table', **ONE_AT_A_TIME)


def _image(gr: object) -> object:
    """Return an input for an image that leaves reading the file to `Answers`."""

    def _path(payload: object) -> Optional[str]:
        return payload and payload.path  # of a file that was uploaded, says Gradio

    options = dict(type='filepath', height=320, buttons=[], elem_classes='mm-image')
    image = gr.Image(label='Image', **options)
    # Set on the object, because Gradio writes a stub file beside each new class.
    image.preprocess = _path
    return image


def _told(gr: object, function: Callable) -> Callable:
    """Return a function whose refusals of an upload are shown on the page."""

    @wraps(function)
    def _call(*args) -> object:
        try:
            return function(*args)
        except UploadError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return _call
