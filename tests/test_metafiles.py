"""Metafiles state the task, and the cost of the network that is trained."""

from pathlib import Path

import pytest
import yaml

from mmadf.analysis import cost_by_part, total_cost
from mmadf.deployment.input_spec import infer_input_spec
from tests.conftest import ROOT
from tests.helpers import named
from tests.test_configs import build

METAFILES = sorted((ROOT / 'configs').glob('*/metafile.yml'))
pytestmark = pytest.mark.slow  # built once
STORED = dict(cifar10=32, cifar100=32, digits=16)  # images that are not resized


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
        cfg, model = build(ROOT / entry['Config'])
        pipeline = cfg.test_dataloader.dataset.pipeline
        side = STORED.get(Path(entry['Config']).stem.split('_')[2])
        size = (side, side) if side else infer_input_spec(pipeline).size
        cost = total_cost(cost_by_part(model, size))
        stated = entry['Metadata']
        found = [stated['Parameters'], stated['FLOPs']]
        assert found == pytest.approx(list(cost), rel=1e-4), entry['Name']
