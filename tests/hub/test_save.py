"""Networks of all kinds, written to model folders and read by another process."""

import json
import os
from contextlib import nullcontext

import pytest
import torch
from mmengine.config import Config
from torch.testing import assert_close

import mmadf
from mmadf.deployment import DeploymentError
from mmadf.hub.card import Origin
from mmadf.hub.deploy import deploy_to_folder
from mmadf.hub.probe import probe
from mmadf.hub.write import write_folder
from mmadf.models.surgery import decouple
from tests.helpers import backbone_cfg
from tests.hub.conftest import (
    CLASSES,
    HEAD,
    PIPELINE,
    PLAIN,
    PREPROCESSOR,
    adf,
    build,
    config,
)

TANH = dict(magnitude='tanh')
TIMM = dict(type='TIMMBackbone', model_name='test_resnet', features_only=True)
NETWORKS = dict(
    adf=adf(),
    wise_srnet={
        **PLAIN,
        'neck': dict(type='mmadf.WiseSrNetPooling', in_channels=64, map_size=4),
    },
    decoupled={
        **PLAIN,
        'backbone': dict(
            type='mmadf.DecoupledBackbone', backbone=backbone_cfg(), operator=TANH
        ),
    },
    mmpretrain=PLAIN,
    timm=dict(
        type='TimmClassifier',
        model_name='test_resnet.r160_in1k',
        num_classes=5,
        data_preprocessor=PREPROCESSOR,
    ),
    timm_decoupled={
        **PLAIN,
        'backbone': dict(type='mmadf.DecoupledBackbone', backbone=TIMM, operator=TANH),
        'head': dict(HEAD, in_channels=96),
    },
)
READ = """
import sys, torch, mmadf
images = torch.load('images.pt')
with torch.no_grad():
    logits = {name: mmadf.from_pretrained(name)(images) for name in sys.argv[1:]}
torch.save(logits, 'logits.pt')
"""


@pytest.mark.slow
def test_another_process_in_another_folder_computes_the_same_logits(tmp_path, python):
    images, expected = torch.randn(2, 3, 32, 32), {}
    for name, model in NETWORKS.items():
        network = build(model)
        mmadf.save_pretrained(network, tmp_path / name, config(model))
        expected[name] = network(images).detach()
    network = build(adf())
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'adf.pth')
    config(adf()).dump(tmp_path / 'adf.py')
    paths = (str(tmp_path / name) for name in ('adf.py', 'adf.pth', 'deployed'))
    assert deploy_to_folder(*paths, log=lambda _: None) < 1e-5
    network.switch_to_deploy()
    expected['deployed'] = network(images).detach()
    torch.save(images, tmp_path / 'images.pt')
    python('-c', READ, *expected, cwd=tmp_path)
    assert_close(torch.load(tmp_path / 'logits.pt'), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('decoupled', [False, True])
def test_a_network_of_timm_is_saved_with_the_config_of_its_wrapper(tmp_path, decoupled):
    timm = pytest.importorskip('timm')
    network = timm.create_model('test_resnet', num_classes=5).eval()
    model = dict(type='TimmClassifier', model_name='test_resnet', num_classes=5)
    if decoupled:
        decouple(network, **TANH)
        model = dict(type='DecoupledClassifier', classifier=model, operator=TANH)
    mmadf.save_pretrained(network, tmp_path / 'timm', model, classes=CLASSES)
    loaded = mmadf.from_pretrained(tmp_path / 'timm')
    images = torch.randn(1, 3, 32, 32)
    assert_close(loaded(images), network(images), rtol=0, atol=0)
    assert loaded._dataset_meta == dict(classes=CLASSES)


def test_a_loaded_network_is_saved_without_its_config_given(saved, tmp_path):
    mmadf.save_pretrained(mmadf.from_pretrained(saved), tmp_path / 'again')
    for name in ('config.json', 'model.safetensors'):
        assert (tmp_path / 'again' / name).read_bytes() == (saved / name).read_bytes()


@pytest.mark.parametrize('fold', [True, False])
def test_a_network_deployed_in_memory_is_saved_in_its_deployed_form(tmp_path, fold):
    network = build(adf())
    network._config = config(adf())
    network.switch_to_deploy(fold=fold)
    mmadf.save_pretrained(network, tmp_path / 'deployed')
    loaded = mmadf.from_pretrained(tmp_path / 'deployed')
    images = torch.randn(2, 3, 32, 32)
    assert_close(loaded(images), network(images), rtol=1e-6, atol=1e-6)
    assert loaded.deployed and loaded.state_dict().keys() == network.state_dict().keys()
    assert network._config.model.get('deploy') is None


def test_a_network_for_one_image_size_needs_none_in_the_pipeline(tmp_path):
    head = dict(type='WiseSrNetHead', num_classes=5, in_channels=64, map_size=4)
    model = adf(neck=None, head=dict(head, pool_size=None))
    cfg = config(model)
    cfg.test_dataloader.dataset.pipeline = [dict(type='PackInputs')]
    network = build(model)
    mmadf.save_pretrained(network, tmp_path / 'folder', cfg)
    images = torch.randn(2, 3, 32, 32)  # the only size that it takes
    loaded = mmadf.from_pretrained(tmp_path / 'folder')
    assert_close(loaded(images), network(images), rtol=1e-6, atol=1e-6)


def test_weights_in_half_precision_are_refused(tmp_path):
    network = build(PLAIN).bfloat16()
    with pytest.raises(ValueError, match=r'torch.bfloat16; .* call network.float\(\)'):
        mmadf.save_pretrained(network, tmp_path / 'folder', config(PLAIN))
    assert not (tmp_path / 'folder').exists()


def test_a_config_is_stored_without_training_and_with_its_tuples(tmp_path):
    model = adf(train_cfg=dict(augments=dict(type='Mixup', alpha=1.0)))
    model['backbone'].update(init_cfg=dict(type='Pretrained', checkpoint='/my/a.pth'))
    mmadf.save_pretrained(build(adf()), tmp_path / 'adf', config(model))
    text = (tmp_path / 'adf' / 'config.json').read_text()
    assert not any(word in text for word in ('Mixup', 'init_cfg', '/my', 'nowhere'))
    loaded = mmadf.from_pretrained(tmp_path / 'adf')
    assert loaded._config.model.backbone.out_indices == (3,)
    assert isinstance(loaded._config.model.data_preprocessor['mean'], list)


def test_a_config_of_another_network_is_found_by_its_logits(network, tmp_path):
    other = adf(mapper=dict(type='Mapper', sources=(0, 1), fusion='convex'))
    with pytest.raises(DeploymentError, match='folder differ by .* config of this net'):
        mmadf.save_pretrained(network, tmp_path / 'folder', config(other))
    assert list(tmp_path.iterdir()) == []


def test_logits_may_differ_by_a_millionth_of_the_largest(
    network, tmp_path, monkeypatch
):
    for difference, accepted in ((9e-7, True), (1.1e-6, False)):
        monkeypatch.setattr(
            'mmadf.hub.probe.relative_difference', lambda *_, d=difference: d
        )
        result = nullcontext() if accepted else pytest.raises(DeploymentError)
        with result as error:
            mmadf.save_pretrained(network, tmp_path / 'folder', config(adf()))
        assert accepted or 'differ by 1.1e-06 of the largest' in str(error.value)


@pytest.mark.parametrize('count', [0, 4, 6])
def test_names_of_another_number_of_classes_are_refused(network, tmp_path, count):
    names = [f'name {index}' for index in range(count)]
    with pytest.raises(ValueError, match=f'classes has {count} names .* 5 outputs'):
        mmadf.save_pretrained(network, tmp_path / 'a', config(adf()), classes=names)
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_a_config_is_refused(network, tmp_path):
    with pytest.raises(ValueError, match='ADFClassifier does not carry its config'):
        mmadf.save_pretrained(network, tmp_path / 'folder')


def test_a_feature_extractor_is_refused(tmp_path):
    model = {**PLAIN, 'head': None}
    with pytest.raises(ValueError, match='ImageClassifier returns no logits'):
        mmadf.save_pretrained(build(model), tmp_path / 'folder', config(model))


def test_permissions_of_all_files_follow_the_umask(network, tmp_path):
    former = os.umask(0o027)
    try:
        mmadf.save_pretrained(network, tmp_path / 'folder', config(adf()))
    finally:
        os.umask(former)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / 'folder').iterdir()}
    assert modes == {0o640}


def test_a_folder_that_was_left_half_written_is_written_again(network, tmp_path):
    def _stop(line):
        raise KeyboardInterrupt(line)

    folder, cfg = tmp_path / 'folder', config(adf())
    with pytest.raises(KeyboardInterrupt, match='wrote '):
        write_folder(network, folder, Origin(cfg, {}), probe(network, cfg), log=_stop)
    mmadf.save_pretrained(network, folder, cfg)
    images = torch.randn(1, 3, 32, 32)
    loaded = mmadf.from_pretrained(folder)
    assert_close(loaded(images), network(images), rtol=0, atol=0)


def test_files_of_others_are_not_overwritten(network, tmp_path):
    for name, text in (('README.md', 'mine'), ('config.json', '{"a": 1}')):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match='contains .* is not a model folder'):
            mmadf.save_pretrained(network, tmp_path, config(adf()))
        assert (tmp_path / name).read_text() == text


def test_names_in_the_card_are_data(tmp_path, network):
    names = ['</script>', '|', '`x`', 'a\nb', 'e']
    mmadf.save_pretrained(network, tmp_path / 'folder', config(adf()), classes=names)
    content = json.loads((tmp_path / 'folder' / 'config.json').read_text())
    assert content['classes'] == names
    card = (tmp_path / 'folder' / 'README.md').read_text()
    assert '&lt;/script&gt;, |, `x`, a b, e' in card


def test_card_names_classes_but_no_training_without_a_log(network, tmp_path):
    cfg = Config({**config(adf()).to_dict(), 'train_cfg': dict(max_epochs=3)})
    mmadf.save_pretrained(network, tmp_path / 'folder', cfg)
    card = (tmp_path / 'folder' / 'README.md').read_text()
    assert '5: ant, bee, cat, dog, emu' in card
    assert 'there is no training log' in card and 'epochs' not in card


def test_card_of_a_network_for_grey_images_has_its_cost(tmp_path):
    model = dict(PLAIN, backbone=backbone_cfg(in_channels=1), data_preprocessor=None)
    cfg = config(model)
    grey = dict(type='LoadImageFromFile', color_type='grayscale')
    cfg.test_dataloader.dataset.pipeline = [grey, *PIPELINE[1:]]
    mmadf.save_pretrained(build(model), tmp_path / 'folder', cfg)
    assert 'G multiply-adds' in (tmp_path / 'folder' / 'README.md').read_text()


@pytest.mark.parametrize(
    ('pipeline', 'words'),
    [
        (PIPELINE, 'Images of 32 x 32 pixels. '),
        ([*PIPELINE[:2], PIPELINE[3]], 'Images of 224 x 224 pixels (an example; '),
        ([], 'Images of 224 x 224 pixels (an example; '),
    ],
)
def test_card_has_the_input_size_of_a_pipeline_that_fixes_one(
    network, tmp_path, pipeline, words
):
    cfg = config(adf())
    cfg.test_dataloader.dataset.pipeline = pipeline
    mmadf.save_pretrained(network, tmp_path / 'folder', cfg)
    assert words in (tmp_path / 'folder' / 'README.md').read_text()
