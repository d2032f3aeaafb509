"""A segmentor of MMSegmentation over ADF, as in the documentation, deployed."""

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch.testing import assert_close

from mmadf.deployment import deploy_classifier, export_classifier
from mmadf.registry import MODELS
from mmadf.weights.load import load_network, read_config
from tests.conftest import ROOT
from tests.helpers import randomise

mmseg = pytest.importorskip('mmseg')
# The base that the documentation supposes. MMEngine finds configs by `mmseg::` only for
# the stock package.
UPERNET = Path(mmseg.__file__).parent / '.mim/configs/_base_/models/upernet_r50.py'
BASE = f"_base_ = {str(UPERNET)!r}\ndefault_scope = 'mmseg'\n"
SMALL = {
    'backbone.backbone.depth': 18,
    'backbone.backbone.stem_channels': 8,
    'backbone.backbone.base_channels': 8,
    'backbone.backbone.norm_cfg': dict(type='BN'),
    'decode_head.in_channels': [8, 16, 32, 64],
    'decode_head.channels': 8,
    'decode_head.pool_scales': (1, 2),
    'decode_head.num_classes': 3,
    'decode_head.norm_cfg': dict(type='BN'),
    'auxiliary_head.in_channels': 16,
    'auxiliary_head.channels': 8,
    'auxiliary_head.num_classes': 3,
    'auxiliary_head.norm_cfg': dict(type='BN'),
    'data_preprocessor.size': (64, 64),
}


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """Return a file with the config in docs/adf.md, over a small UPerNet."""
    blocks = re.findall('```python\n(.*?)```', (ROOT / 'docs/adf.md').read_text(), re.S)
    (text,) = [block for block in blocks if "type='ADFBackbone'" in block]
    folder = tmp_path_factory.mktemp('segmentor')
    (folder / 'upernet_r50.py').write_text(BASE)
    (folder / 'documented.py').write_text(text)
    cfg = Config.fromfile(folder / 'documented.py')
    cfg.merge_from_dict({f'model.{name}': value for name, value in SMALL.items()})
    cfg.dump(folder / 'small.py')
    return str(folder / 'small.py')


@pytest.fixture(scope='module')
def trained(config):
    """Return the config, and a checkpoint with random weights."""
    checkpoint = config.replace('.py', '.pth')
    torch.manual_seed(0)
    network = randomise(build(config), std=0.2)
    meta = dict(dataset_meta=dict(classes=('sky', 'sea', 'sand')))
    torch.save(dict(state_dict=network.state_dict(), meta=meta), checkpoint)
    return config, checkpoint


def build(config):
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(Config.fromfile(config).model)


def test_the_segmentor_of_the_documentation_trains(config):
    from mmseg.structures import SegDataSample

    model = build(config)
    labels = PixelData(data=torch.randint(3, (1, 64, 64)))
    sample = SegDataSample(metainfo=dict(img_shape=(64, 64)))
    data = [sample.clone() for _ in range(2)]
    for one in data:
        one.gt_sem_seg = labels
    images, optimizer = (
        torch.randn(2, 3, 64, 64),
        torch.optim.SGD(model.parameters(), 0.1),
    )
    totals = []
    for _ in range(4):
        losses = model.loss(images, data)
        totals.append(sum(v for name, v in losses.items() if 'loss' in name))
        optimizer.zero_grad()
        totals[-1].backward()
        optimizer.step()
    assert {'decode.loss_ce', 'aux.loss_ce'} <= set(losses)
    assert totals[-1] < totals[0]
    assert all(p.grad is not None for p in model.parameters())


@torch.no_grad()
def test_deployed_it_gives_the_same_score_maps_with_less(trained, tmp_path):
    out = tmp_path / 'small.pth'
    assert deploy_classifier(*trained, out, log=lambda _: None) < 1e-6
    whole, _ = load_network(read_config(trained[0]), trained[1])
    small, meta = load_network(read_config(str(out.with_suffix('.py'))), out)
    x = torch.randn(2, 3, 64, 64)
    assert_close(small(x), whole(x), rtol=1e-5, atol=1e-5 * whole(x).abs().max().item())
    assert not small.with_auxiliary_head
    assert meta['dataset_meta']['classes'] == ('sky', 'sea', 'sand')
    names = small.state_dict()
    assert not any('.bn' in name for name in names if name.startswith('backbone'))
    with pytest.raises(ValueError, match='builds ADFBackbone with deployed=True'):
        deploy_classifier(str(out.with_suffix('.py')), out, tmp_path / 'again.pth')


@pytest.mark.slow
def test_deployed_it_is_exported_to_onnx(trained, tmp_path):
    out, file = tmp_path / 'small.pth', tmp_path / 'net.onnx'
    deploy_classifier(*trained, out, log=lambda _: None)
    files = str(out.with_suffix('.py')), str(out)
    options = dict(size=(64, 64), probabilities=True, log=lambda _: None)
    assert export_classifier(*files, file, **options) < 1e-4
    assert file.exists()


def test_a_segmentor_without_adf_is_not_deployed(trained, tmp_path):
    cfg = Config.fromfile(trained[0])
    cfg.model.backbone = cfg.model.backbone.backbone
    cfg.model.auxiliary_head = None
    cfg.dump(tmp_path / 'plain.py')
    model = build(tmp_path / 'plain.py')
    torch.save(model.state_dict(), tmp_path / 'plain.pth')
    files = str(tmp_path / 'plain.py'), str(tmp_path / 'plain.pth')
    with pytest.raises(ValueError, match='builds EncoderDecoder; .* on an ADFBackbone'):
        deploy_classifier(*files, tmp_path / 'small.pth')
