"""Metafiles tell what is counted, of the network that is trained."""

from pathlib import Path

import pytest
import yaml

from mmadf.analysis import cost_by_part, total_cost
from mmadf.deployment.input_spec import infer_input_spec
from tests.conftest import ROOT
from tests.test_configs import build

METAFILES = sorted((ROOT / 'configs').glob('*/metafile.yml'))
ENTRIES = [e for m in METAFILES for e in yaml.safe_load(m.read_text())['Models']]
STORED = dict(cifar10=32, cifar100=32, digits=16)  # images that are not resized


@pytest.mark.parametrize('entry', ENTRIES, ids=lambda entry: entry['Name'])
def test_metafile_tells_the_cost(entry):
    cfg, model = build(ROOT / entry['Config'])
    pipeline = cfg.test_dataloader.dataset.pipeline
    side = STORED.get(Path(entry['Config']).stem.split('_')[2])
    size = (side, side) if side else infer_input_spec(pipeline).size
    cost = total_cost(cost_by_part(model, size))
    told = entry['Metadata']
    assert told['Parameters'] == pytest.approx(cost.parameters, rel=1e-4)
    assert told['FLOPs'] == pytest.approx(cost.multiply_adds, rel=1e-4)
