"""Serving of the page on this computer, without traces after the end."""

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Iterator, Optional, Sequence

from mmadf.analysis.explain.document import SECTIONS
from mmadf.utils.optional import import_optional

from .answers import Answers
from .page import build_page
from .uploads import MAX_BYTES

CSS = Path(__file__).with_name('page.css')
FOLDER = 'GRADIO_TEMP_DIR'  # environment variable of Gradio
FONTS = 'system-ui', 'sans-serif'  # of the visitor's device, nothing is downloaded


@contextmanager
def served(
    answers: Answers,
    title: str,
    examples: Sequence[Path] = (),
    host: str = '127.0.0.1',
    port: Optional[int] = None,
    share: bool = False,
) -> Iterator[str]:
    """Serve the page in the background, and yield its address.

    Uploaded files are in a temporary folder, which is removed on exit.

    Args:
        answers: what the page calls.
        title: heading of the page.
        examples: image files to choose from.
        host: address to bind to; only programs on this computer reach the default.
        port: port to bind to, None for the first free one from 7860.
        share: whether to also ask Gradio for a public link, which is what is yielded.

    Raises:
        ImportError: gradio is missing.
        OSError: the port is not free, or no public link could be made.
    """
    gr = import_optional('gradio')
    with _upload_folder():
        page = build_page(answers, title, examples)
        try:
            _, local, public = page.launch(
                server_name=host,
                server_port=port,
                share=share,
                max_file_size=MAX_BYTES,
                prevent_thread_lock=True,
                quiet=True,
                run_history=False,
                enable_monitoring=False,
                ssr_mode=False,
                footer_links=['api', 'gradio'],
                theme=gr.themes.Default(primary_hue='blue', font=FONTS),
                css=SECTIONS,
                css_paths=CSS,
            )
            if share and not public:
                raise OSError(
                    'share=True: Gradio has not given a public link; check the '
                    'connection to the internet, or leave it out.'
                )
            yield public or local
        finally:
            page.close(verbose=False)


@contextmanager
def _upload_folder() -> Iterator[None]:
    """Let Gradio keep files in a new folder, in its own one if that is set."""
    former = os.environ.get(FOLDER)
    with TemporaryDirectory(prefix='mmadf_demo_', dir=former) as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]
            if former is not None:
                os.environ[FOLDER] = former
