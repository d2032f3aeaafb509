"""README and documentation: what they refer to exists, and their configs build."""

import ast
import re

import yaml
from mmengine.config import Config

from mmadf.engine.config import check_config
from mmadf.models import ADFClassifier
from tests.conftest import ROOT
from tests.helpers import build_without_memory, named

PAGES = sorted(ROOT.glob('*.md')) + sorted((ROOT / 'docs').glob('*.md'))
BLOCK = re.compile(r'^```(\w*)\n(.*?)^```$', re.M | re.S)
SPAN = re.compile(r'`([^`]+)`')
LINK = re.compile(r'\]\(([^)\s]+)\)')
NAMED = re.compile(r'(?<![\w/.<-])(?:configs|tools|docs|tests|mmadf)/[\w./*]*')
COMMAND = re.compile(r'python (tools/\S+\.py)((?:.|\\\n)*)')
SIZES = re.compile(r'^\| `(\w+\.py)` \|[^|]*\| ([\d.]+) \| ([\d.]+) \|', re.M)


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


def test_links_and_figures_lead_somewhere():
    for page in PAGES:
        for link in LINK.findall(prose(page)):
            if link.startswith(('http://', 'https://')):
                continue
            with named(f'{page.name}: {link}'):
                name, _, anchor = link.partition('#')
                target = (page.parent / name).resolve() if name else page
                assert target.exists()
                assert not anchor or anchor in anchors(target)


def test_paths_in_code_exist():
    named_paths = {
        (page.name, path)
        for page in PAGES
        for piece in code(page)
        for path in NAMED.findall(piece)
    }
    assert len(named_paths) > 50
    assert not [p for p in named_paths if not any(ROOT.glob(p[1].rstrip('./')))]


def test_commands_give_options_that_their_scripts_have():
    for page in PAGES:
        for script, rest in COMMAND.findall('\n'.join(code(page))):
            known = (ROOT / script).read_text()
            if 'config.add_arguments(' in known:  # what train.py and test.py share
                known += (ROOT / 'mmadf/engine/config.py').read_text()
            for option in re.findall(r'(?<!\S)\[?(--[a-z0-9-]+)', rest):
                assert f"'{option}'" in known, f'{page.name}: {script} {option}'


def test_tables_end_with_an_empty_line():
    """GitHub takes a line of text right after a table as a row of it."""
    for page in PAGES:
        ends = re.findall(r'^\|.*\n([^|\n].*)', prose(page), re.M)
        assert not ends, f'{page.name}: {ends}'


def test_python_blocks_parse():
    for page in PAGES:
        for language, block in BLOCK.findall(text(page)):
            if language == 'python':
                with named(f'{page.name}: {block}'):
                    ast.parse(block)


def test_whole_configs_build(tmp_path):
    blocks = [
        (page, block)
        for page in PAGES
        for _, block in BLOCK.findall(text(page))
        if block.startswith('_base_')
    ]
    assert len(blocks) > 5
    for page, block in blocks:
        with named(f'{page.name}: {block}'):
            (tmp_path / 'mine.py').write_text(block)
            cfg = Config.fromfile(tmp_path / 'mine.py')
            check_config(cfg, splits=())
            model = build_without_memory(cfg)
            classes = cfg.data_preprocessor.num_classes
            assert model.head.num_classes == model.head.fc.out_features == classes
            if isinstance(model, ADFClassifier):
                assert model.appearance_head.fc.out_features == classes


def test_sizes_in_the_table_of_configs_are_those_of_the_metafile():
    table = {
        name: sizes for name, *sizes in SIZES.findall(text(ROOT / 'docs/models.md'))
    }
    metafile = yaml.safe_load((ROOT / 'configs/adf/metafile.yml').read_text())
    entries = {e['Config'].rpartition('/')[2]: e for e in metafile['Models']}
    assert len(set(table) & set(entries)) >= 11
    for name in set(table) & set(entries):
        with named(name):
            counts = entries[name]['Metadata']
            millions, billions = counts['Parameters'] / 1e6, counts['FLOPs'] / 1e9
            for told, counted in zip(table[name], (millions, billions), strict=True):
                digits = len(told.partition('.')[2])
                assert told == f'{counted:.{digits}f}'


def test_pages_are_reached_from_the_readme():
    readme = ROOT / 'README.md'
    linked = {ROOT / link.partition('#')[0] for link in LINK.findall(prose(readme))}
    assert set(PAGES) - linked == {readme}
