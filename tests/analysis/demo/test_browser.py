"""The page in a real browser, as a visitor uses it."""

import re
import shutil

import pytest

from mmadf.analysis.demo import served

from .conftest import free_port, write_photo

pytest.importorskip('gradio')
pytest.importorskip('captum')
pytest.importorskip('matplotlib')
playwright = pytest.importorskip('playwright.sync_api')

BROWSER = shutil.which('chromium') or shutil.which('google-chrome')

playwright.expect.set_options(timeout=30_000)  # for busy computers

NAME = 'adf_efficientnetlite0_of_my_own_photographs'  # one long word

# The right edge of the rightmost picture.
RIGHT = """Math.max(...[...document.querySelectorAll('.mm img')].map(
    (image) => image.getBoundingClientRect().right))"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason='needs the program chromium'),
]


@pytest.fixture(scope='module')
def url(answers, tmp_path_factory):
    folder = tmp_path_factory.mktemp('examples')
    examples = [write_photo(folder / f'{i}.png', seed=i) for i in range(2)]
    with served(answers, NAME, examples, port=free_port()) as address:
        yield address


@pytest.fixture(scope='module')
def browser():
    with playwright.sync_playwright() as library:
        options = ['--no-sandbox']  # Chromium refuses to run as root with it
        opened = library.chromium.launch(executable_path=BROWSER, args=options)
        yield opened
        opened.close()


@pytest.fixture
def visit(url, browser):
    """Open the page in a window of a given width."""
    opened = []

    def _visit(width):
        page = browser.new_page(viewport=dict(width=width, height=800))
        opened.append(page)
        page.set_default_timeout(30_000)
        page.goto(url)
        return page

    yield _visit
    for page in opened:
        page.close()


def shown(page, told):
    """Wait until the page shows the most probable class with its probability."""
    name, score = max(told.items(), key=lambda item: item[1])
    label = page.get_by_test_id('label-output-value')
    playwright.expect(label).to_have_text(name)
    percent = page.get_by_text(re.compile(rf'^{round(100 * score)}%$')).first
    playwright.expect(percent).to_be_visible()


def test_visitor_uploads_mixes_and_downloads_on_a_phone(visit, answers, photo):
    page = visit(width=390)
    page.locator('input[type=file]').first.set_input_files(str(photo))
    shown(page, answers.predict(str(photo)))
    pictures = answers.explain(str(photo)).count('<img ')
    playwright.expect(page.locator('.mm img')).to_have_count(pictures)
    page.get_by_role('slider').fill('0')
    shown(page, answers.predict(str(photo), 0))
    page.get_by_role('slider').fill('1')
    shown(page, answers.predict(str(photo)))
    assert page.evaluate(RIGHT) <= 390
    title = page.get_by_role('heading', name=NAME)
    assert title.evaluate('(title) => title.scrollWidth') <= 390

    page.get_by_role('tab', name='Several images').click()
    page.locator('input[type=file][multiple]').set_input_files([str(photo)] * 2)
    page.get_by_role('button', name='Classify').click()
    with page.expect_download() as download:
        page.get_by_text('Download as CSV').click()
    best = max(answers.predict(str(photo)).items(), key=lambda item: item[1])[0]
    assert f'photo.png,{best},' in download.value.path().read_text()


def test_bad_image_takes_the_former_result_away(visit, answers, photo, tmp_path):
    page = visit(width=1280)
    notes = tmp_path / 'notes.png'
    notes.write_text('no image')
    page.locator('input[type=file]').first.set_input_files(str(photo))
    shown(page, answers.predict(str(photo)))
    playwright.expect(page.locator('.mm img').first).to_be_visible()
    page.get_by_label('Remove Image').click()
    playwright.expect(page.locator('.mm img')).to_have_count(0)
    page.locator('input[type=file]').first.set_input_files(str(notes))
    message = page.get_by_text('notes.png: the file cannot be read as an image').first
    playwright.expect(message).to_be_visible()
    playwright.expect(page.get_by_test_id('label-output-value')).to_have_count(0)
