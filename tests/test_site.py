"""The documentation as a site: no warning, no broken link, nothing from elsewhere."""

from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from tests.conftest import ROOT

pytest.importorskip('furo')
pytest.importorskip('myst_nb')


class Page(HTMLParser):
    """Collect what a page refers to, what it loads, and its anchors."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loaded, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs.get('id'), attrs.get('name')}
        if tag == 'a' and attrs.get('href'):
            self.links.append(attrs['href'])
        source = attrs.get('href' if tag == 'link' else 'src')
        if tag in ('link', 'script', 'img') and source:
            self.loaded.append(source)


@cache
def read(path):
    return Page(path.read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def site(python, tmp_path_factory):
    out = tmp_path_factory.mktemp('site')
    options = '-W', '--keep-going', '-q', '-c', ROOT / 'docs/site'
    python('-m', 'sphinx', *options, '-d', out / 'doctrees', ROOT, out / 'html')
    return out / 'html'


@pytest.mark.slow
def test_links_of_the_site_lead_somewhere(site):
    pages = list(site.rglob('*.html'))
    assert len(pages) > 15
    broken = []
    for path in pages:
        for link in read(path).links:
            name, _, anchor = unquote(link).partition('#')
            if '://' in name or name.startswith('mailto:'):
                continue
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and anchor not in read(target).anchors):
                broken.append(f'{path.relative_to(site)}: {link}')
    assert not broken


@pytest.mark.slow
def test_site_loads_nothing_from_elsewhere(site):
    for path in site.rglob('*.html'):
        for source in read(path).loaded:
            assert '://' not in source and not source.startswith('//'), path
            name = source.partition('?')[0].partition('#')[0]
            assert name.startswith('data:') or (path.parent / name).exists(), path


@pytest.mark.slow
def test_site_has_docstrings_and_the_pictures_of_the_notebook(site):
    assert 'adaptive decoupling' in (site / 'README.html').read_text().lower()
    anchors = read(site / 'docs/site/api_models.html').anchors
    assert 'mmadf.models.classifiers.ADFClassifier' in anchors
    loaded = read(site / 'docs/tutorial.html').loaded
    assert sum('_images/' in source for source in loaded) >= 2
