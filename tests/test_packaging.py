"""Builds of a checkout, and version bounds that are stated in two places."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser

import pytest
from packaging.requirements import Requirement

from mmadf.compat import SUPPORTED
from mmadf.utils.optional import REQUIREMENTS
from tests.conftest import ROOT
from tests.helpers import named

# Folders of a checkout that belong to it, beside what runs leave there.
FOLDERS = ('configs', 'docs', 'mmadf', 'requirements', 'tests', 'tools')


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Return a wheel that was built from an sdist."""
    tmp_path = tmp_path_factory.mktemp('build')
    source = tmp_path / 'source'  # a build leaves files in its folder
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, symlinks=True)
    for path in ROOT.iterdir():
        if path.is_file() and path.name != '.git':
            shutil.copy(path, source)
    build = (
        f'from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})'
    )
    subprocess.run([sys.executable, '-c', build], cwd=source, check=True)
    (sdist,) = tmp_path.glob('*.tar.gz')
    options = ('--no-deps', '--no-build-isolation', '-w', str(tmp_path))
    command = [sys.executable, '-m', 'pip', 'wheel', str(sdist), *options]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob('*.whl')
    return wheel


@pytest.mark.slow
def test_sdist_holds_the_files_of_the_checkout(wheel):
    (sdist,) = wheel.parent.glob('*.tar.gz')
    with tarfile.open(sdist) as archive:
        held = {name.partition('/')[2] for name in archive.getnames()}
    source = wheel.parent / 'source'
    wanted = {str(p.relative_to(source)) for p in source.rglob('*') if p.is_file()}
    left_out = {name for name in wanted - held if '.mim' not in name}
    made_here = re.compile(r'.*(__pycache__/|\.egg-info/).*')
    assert {name for name in left_out if not made_here.match(name)} == {'.gitignore'}


@pytest.mark.slow
def test_wheel_from_the_sdist_carries_configs_and_command(wheel, python, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / 'site')
    code = """
import sys
import mmadf, mmadf_command, mmpretrain
from mmengine.config import Config
print(mmadf.__file__)
mmpretrain.get_model('adf-tiny_digits')
assert 'adf-resnext101-32x4d_in1k' in mmpretrain.list_models('*adf*')
sys.argv = ['mmadf', 'complexity', 'mmadf::adf/adf_tiny_digits.py', '--size', '16']
mmadf_command.main()
"""
    site = str(tmp_path / 'site')
    done = python('-c', code, cwd=tmp_path, PYTHONPATH=site)
    assert done.stdout.splitlines()[0].startswith(site)
    assert '2.020' in done.stdout  # parameters, ratio to the single network
    (metadata,) = (tmp_path / 'site').glob('*.dist-info')
    started = (metadata / 'entry_points.txt').read_text()
    assert 'mmadf = mmadf_command:main' in started
    assert (tmp_path / 'site/mmadf/.mim/tools/train.py').exists()
    assert (tmp_path / 'site/mmadf/py.typed').exists()
    assert (tmp_path / 'site/mmadf/analysis/report/page.html').exists()
    assert (tmp_path / 'site/mmadf/analysis/demo/page.css').exists()


@pytest.mark.slow
def test_wheel_offers_the_tools_extra_and_each_part_of_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith('/METADATA')]
        told = Parser().parsestr(archive.read(name).decode())
    wanted = {}
    for line in told.get_all('Requires-Dist'):
        requirement, _, extra = line.partition('; extra == ')
        wanted.setdefault(extra.strip('"'), set()).add(requirement)
    no_tools = {'', 'docs', 'onedl', 'openmmlab', 'tests', 'tools'}
    parts = [wanted[name] for name in set(wanted) - no_tools]
    assert len(parts) == 9
    assert wanted['tools'] == set.union(*parts)
    assert wanted['studies'] == {'matplotlib', 'scipy>=1.15', 'tqdm'}
    assert wanted[''] == {'torch>=2.8', 'torchvision>=0.23'}
    assert told['Requires-Python'] == '>=3.11'
    assert told['Author'] == 'mmadf contributors'


def requirements(name):
    """Return the requirements of a file by distribution."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    lines = [line for line in lines if line and line[0] not in '#-']
    return {Requirement(line).name: Requirement(line).specifier for line in lines}


def test_extras_have_the_bounds_that_the_import_checks():
    for line in ['onedl', 'openmmlab']:
        with named(line):
            lines = (ROOT / 'requirements' / f'{line}.txt').read_text().splitlines()
            for distributions in SUPPORTED.values():
                assert len(set(distributions) & set(lines)) == 1


STATED = [
    (file.stem, name, specifier)
    for file in sorted((ROOT / 'requirements').glob('*.txt'))
    if file.stem not in ('constraints', 'env', 'openmmlab')
    for name, specifier in requirements(file.stem).items()
]


def test_pinned_environment_has_what_the_extras_ask_for():
    assert len(STATED) > 20
    pinned = {**requirements('constraints'), **requirements('env')}
    for file, name, bounds in STATED:
        version = str(pinned[name]).removeprefix('==')
        assert bounds.contains(version), f'{file}.txt: {name}'


def test_what_messages_tell_to_install_is_what_the_extras_install():
    stated = {name: bounds for _, name, bounds in STATED}
    for module, requirements_of_module in REQUIREMENTS.items():
        for wanted in map(Requirement, requirements_of_module):
            assert stated[wanted.name] == wanted.specifier, module


def test_install_commands_are_in_one_place():
    """`compat` tells which hosts to install; their bounds are compared above."""
    found = [
        p for p in (ROOT / 'mmadf').rglob('*.py') if 'pip install' in p.read_text()
    ]
    assert [path.name for path in found] == ['compat.py']
