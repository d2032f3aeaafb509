"""What README and documentation point to is there."""

import ast
import re

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.engine.config import check_config
from mmadf.models import ADFClassifier
from mmadf.registry import MODELS
from tests.conftest import ROOT
from tests.helpers import offline, without_memory

PAGES = sorted(ROOT.glob('*.md')) + sorted((ROOT / 'docs').glob('*.md'))
BLOCK = re.compile(r'^```(\w*)\n(.*?)^```$', re.M | re.S)
SPAN = re.compile(r'`([^`]+)`')
LINK = re.compile(r'\]\(([^)\s]+)\)')
NAMED = re.compile(r'(?<![\w/.<-])(?:configs|tools|docs|tests|mmadf)/[\w./*]*')
COMMAND = re.compile(r'python (tools/\S+\.py)((?:.|\\\n)*)')
IDS = dict(ids=lambda page: page.name)


def text(page):
    return page.read_text(encoding='utf-8')


def prose(page):
    return BLOCK.sub('', text(page))


def code(page):
    """Blocks and spans of code."""
    return [block for _, block in BLOCK.findall(text(page))] + SPAN.findall(prose(page))


def anchors(page):
    """The headings of a page, as GitHub names them in links."""
    heads = re.findall(r'^#+ (.*)$', prose(page), re.M)
    return [re.sub(r'[^\w\- ]', '', head).lower().replace(' ', '-') for head in heads]


@pytest.mark.parametrize('page', PAGES, **IDS)
def test_links_and_pictures_lead_somewhere(page):
    for link in LINK.findall(prose(page)):
        if link.startswith(('http://', 'https://')):
            continue
        name, _, anchor = link.partition('#')
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize('page', PAGES, **IDS)
def test_paths_in_code_exist(page):
    paths = [path for piece in code(page) for path in NAMED.findall(piece)]
    assert not [path for path in paths if not any(ROOT.glob(path.rstrip('./')))]


@pytest.mark.parametrize('page', PAGES, **IDS)
def test_commands_give_options_that_their_scripts_have(page):
    for piece in code(page):
        for script, rest in COMMAND.findall(piece):
            known = (ROOT / script).read_text()
            if 'config.add_arguments(' in known:  # what train.py and test.py share
                known += (ROOT / 'mmadf/engine/config.py').read_text()
            for option in re.findall(r'(?<!\S)\[?(--[a-z0-9-]+)', rest):
                assert f"'{option}'" in known, f'{script} {option}'


@pytest.mark.parametrize('page', PAGES, **IDS)
def test_python_blocks_parse(page):
    for language, block in BLOCK.findall(text(page)):
        if language == 'python':
            ast.parse(block)


def configs():
    """The blocks that are whole configs."""
    return [
        pytest.param(block, id=f'{page.stem}-{i}')
        for page in PAGES
        for i, (_, block) in enumerate(BLOCK.findall(text(page)))
        if block.startswith('_base_')
    ]


@pytest.mark.parametrize('block', configs())
def test_configs_build(block, tmp_path):
    (tmp_path / 'mine.py').write_text(block)
    cfg = offline(Config.fromfile(tmp_path / 'mine.py'))
    check_config(cfg, splits=())
    with DefaultScope.overwrite_default_scope('mmpretrain'), without_memory():
        model = MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})
    classes = model.data_preprocessor.num_classes
    assert model.head.num_classes == model.head.fc.out_features == classes
    if isinstance(model, ADFClassifier):
        assert model.appearance_head.fc.out_features == classes


def test_pages_are_reached_from_the_readme():
    readme = ROOT / 'README.md'
    linked = {ROOT / link.partition('#')[0] for link in LINK.findall(prose(readme))}
    assert set(PAGES) - linked == {readme}
