"""Metafiles state the task, and the cost of the network that is trained."""

import re
from pathlib import Path

import pytest
import yaml

from mmadf.analysis import cost_by_phase, total_cost
from mmadf.deployment.input_spec import infer_input_spec
from tests.conftest import ROOT
from tests.helpers import named
from tests.test_configs import build

METAFILES = sorted((ROOT / 'configs').glob('*/metafile.yml'))
pytestmark = pytest.mark.slow  # built once
STORED = dict(cifar10=32, cifar100=32, digits=16)  # images that are not resized
RATIO = re.compile(r'^\| `(adf_\w+\.py)` .* ([\d.]+) \|[^|]*\|$', re.MULTILINE)
RATIOS = dict(RATIO.findall((ROOT / 'docs/models.md').read_text()))


def phases(config):
    """Return the cost of each part of a network, trained and deployed."""
    cfg, model = build(ROOT / config)
    side = STORED.get(Path(config).stem.split('_')[2])
    pipeline = cfg.test_dataloader.dataset.pipeline
    size = (side, side) if side else infer_input_spec(pipeline).size
    return cost_by_phase(model, size)


def assert_ratio_is_stated(config, cost):
    single = total_cost(cost['trained'], ('backbone', 'neck', 'head'))
    ratio = total_cost(cost['deployed']).multiply_adds / single.multiply_adds
    assert f'{ratio:.2f}' == RATIOS[Path(config).name]


def test_metafiles_state_the_task_for_the_tools_of_mmpretrain():
    for path in METAFILES:
        with named(path):
            for entry in yaml.safe_load(path.read_text())['Models']:
                (result,) = entry['Results']
                assert result['Task'] == 'Image Classification', entry['Name']
                assert result['Dataset'], entry['Name']


@pytest.mark.parametrize('path', METAFILES, ids=lambda path: path.parent.name)
def test_metafiles_state_parameters_and_flops(path):
    for entry in yaml.safe_load(path.read_text())['Models']:
        cost = phases(entry['Config'])
        stated = entry['Metadata']
        found = [stated['Parameters'], stated['FLOPs']]
        with named(entry['Name']):
            assert found == pytest.approx(list(total_cost(cost['trained'])), rel=1e-4)
            if Path(entry['Config']).name in RATIOS:
                assert_ratio_is_stated(entry['Config'], cost)


@pytest.mark.parametrize('name', ['adf_resnet50_folder.py', 'adf_regnet_folder.py'])
def test_table_of_configs_states_the_cost_of_deployed_adf(name):
    assert_ratio_is_stated(name, phases(f'configs/adf/{name}'))
