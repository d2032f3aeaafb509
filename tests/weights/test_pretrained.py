"""Pretrained weights of MMPretrain, torchvision and timm in both branches."""

import logging

import pytest
import torch
import torchvision
from mmengine.registry import DefaultScope
from torch import nn
from torch.testing import assert_close

from mmadf.registry import MODELS
from mmadf.weights import pretrained
from mmadf.weights.checkpoint import load_matching
from mmadf.weights.pretrained import load_branch, load_branches
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, named, randomise

HEAD = dict(type='LinearClsHead', in_channels=CHANNELS[-1])


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(cfg), std=0.1)


def adf(**changes):
    return build(adf_cfg(**changes))


def single(**changes):
    """Return a single network with the weights of a backbone, a neck and a head."""
    cfg = {**adf_cfg(), 'type': 'ImageClassifier', **changes}
    del cfg['mapper']
    return build(cfg)


def save(path, content):
    torch.save(content, path)
    return str(path)


def copy(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def branch(backbone):
    return nn.ModuleDict(dict(backbone=backbone))


def assert_holds(module, state):
    own = module.state_dict()
    assert own.keys() == state.keys()
    assert all(torch.equal(own[name], state[name]) for name in own)


@pytest.fixture
def checkpoint(tmp_path):
    """Return a checkpoint of MMPretrain, and the network that it is of."""
    network = single()
    content = dict(meta=dict(epoch=3), state_dict=network.state_dict(), optimizer={})
    return save(tmp_path / 'single.pth', content), network


def test_one_checkpoint_fills_both_branches_and_not_the_mapper(checkpoint):
    path, network = checkpoint
    model = adf()
    mappers = copy(model.mappers)
    reports = load_branches(model, path)
    for module in (model.backbone, model.appearance_backbone):
        assert_holds(module, network.backbone.state_dict())
    for module in (model.head, model.appearance_head):
        assert_holds(module, network.head.state_dict())
    assert_holds(model.mappers, mappers)
    for report in reports.values():
        assert (report.missing, report.mismatched, report.unused) == ((), {}, ())
        assert report.loaded[-2:] == ('head.fc.weight', 'head.fc.bias')


def test_two_checkpoints_fill_a_branch_each(checkpoint, tmp_path):
    path, network = checkpoint
    other = single()
    second = save(tmp_path / 'other.pth', dict(state_dict=other.state_dict()))
    model = adf()
    load_branches(model, path, appearance_checkpoint=second)
    assert_holds(model.backbone, network.backbone.state_dict())
    assert_holds(model.head, network.head.state_dict())
    assert_holds(model.appearance_backbone, other.backbone.state_dict())
    assert_holds(model.appearance_head, other.head.state_dict())


def test_necks_with_weights_are_loaded(tmp_path):
    neck = dict(type='GeneralizedMeanPooling')
    network, model = single(neck=neck), adf(neck=neck)
    load_branches(model, save(tmp_path / 'a.pth', network.state_dict()))
    assert model.neck.p.item() == model.appearance_neck.p.item() == network.neck.p


def test_branches_without_neck_are_loaded(tmp_path):
    head = dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1])
    model = adf(neck=None, head=head)
    network = single(neck=dict(type='GeneralizedMeanPooling'))
    reports = load_branches(model, save(tmp_path / 'a.pth', network.state_dict()))
    assert_holds(model.head, network.head.state_dict())
    assert reports['semantic'].unused == ('neck.p',)


@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: dict(state_dict=state, epoch=1),
        lambda state: dict(model=state, args='x'),
        lambda state: {f'module.{name}': t for name, t in state.items()},
    ],
    ids=['bare', 'state_dict', 'model', 'module.'],
)
def test_weights_of_a_backbone_alone_leave_the_head(wrap, tmp_path):
    state = build(backbone_cfg()).state_dict()
    path = save(tmp_path / 'a.pth', wrap({**state, 'fc.weight': torch.zeros(5, 64)}))
    model = adf()
    head = copy(model.head)
    report = load_branches(model, path)['semantic']
    assert_holds(model.backbone, state)
    assert_holds(model.appearance_backbone, state)
    assert_holds(model.head, head)
    assert report.unused == ('backbone.fc.weight',)
    assert report.missing == ('head.fc.weight', 'head.fc.bias')


def test_safetensors_are_read(tmp_path):
    save_file = pytest.importorskip('safetensors.torch').save_file
    state = build(backbone_cfg()).state_dict()
    save_file(state, tmp_path / 'a.safetensors')
    backbone = build(backbone_cfg())
    load_branch(branch(backbone), str(tmp_path / 'a.safetensors'))
    assert_holds(backbone, state)


def test_torchvision_weights_give_torchvisions_map(tmp_path):
    reference = randomise(torchvision.models.resnet18(), std=0.1).eval()
    backbone = build(dict(type='ResNet', depth=18))
    path = save(tmp_path / 'a.pth', reference.state_dict())
    report = load_branch(branch(backbone), path)
    assert (len(report.loaded), len(report.missing)) == (100, 0)
    assert report.unused == ('backbone.fc.weight', 'backbone.fc.bias')
    backbone.eval()
    x = torch.randn(1, 3, 64, 64)
    trunk = nn.Sequential(*list(reference.children())[:-2])
    with torch.no_grad():
        assert_close(backbone(x)[-1], trunk(x))


@pytest.mark.parametrize(
    ('name', 'features_only'),
    [
        ('test_resnet', False),
        ('test_convnext', True),
        ('test_efficientnet', True),
    ],
)
def test_timm_weights_give_timms_maps(name, features_only, tmp_path):
    timm = pytest.importorskip('timm')
    reference = randomise(timm.create_model(name), std=0.1).eval()
    path = save(tmp_path / 'a.pth', reference.state_dict())
    cfg = dict(type='TIMMBackbone', model_name=name, features_only=features_only)
    backbone = build(cfg)
    report = load_branch(branch(backbone), path)
    assert len(report.loaded) > 60
    assert (report.missing, report.mismatched) == ((), {})
    x = torch.randn(1, 3, 64, 64)
    backbone.eval()
    with torch.no_grad():
        if features_only:
            expected = reference.forward_intermediates(x, intermediates_only=True)
        else:
            expected = [reference.forward_features(x)]
        assert_close(list(backbone(x)), expected)


def test_a_head_for_other_classes_is_left_and_reported(checkpoint):
    path, network = checkpoint
    model = adf(head={**HEAD, 'num_classes': 3})
    head = copy(model.head)
    report = load_branches(model, path)['semantic']
    assert_holds(model.head, head)
    assert_holds(model.backbone, network.backbone.state_dict())
    assert report.mismatched == {
        'head.fc.weight': '(5, 64) for (3, 64)',
        'head.fc.bias': '(5,) for (3,)',
    }


def test_names_are_reported_as_loaded_missing_mismatched_or_unused():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    before = copy(net)
    given = {
        '0.weight': torch.ones(4, 3, 3, 3),
        '1.weight': torch.ones(5),
        '1.bias': torch.ones(4),
        '1.running_mean': torch.ones(4),
        '1.running_var': torch.ones(5),
        '2.bias': torch.ones(3),
        'other.weight': torch.ones(1),
    }
    report = load_matching(net, given)
    loaded = ('0.weight', '1.bias', '1.running_mean')
    assert report.loaded == loaded
    assert report.missing == ('0.bias', '2.weight')
    assert report.mismatched == {
        '1.weight': '(5,) for (4,)',
        '1.running_var': '(5,) for (4,)',
        '2.bias': '(3,) for (2,)',
    }
    assert report.unused == ('other.weight',)
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, given[name] if name in loaded else before[name])


def test_a_second_loading_is_strict_again():
    net = nn.Linear(2, 2)
    load_matching(net, dict(weight=torch.ones(3, 3)))
    with pytest.raises(RuntimeError, match='size mismatch'):
        net.load_state_dict(dict(weight=torch.ones(3, 3)), strict=False)


def test_position_embeddings_that_resize_themselves_are_loaded():
    arch = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=32)
    vit = dict(type='VisionTransformer', arch=arch, patch_size=16)
    small, large = build({**vit, 'img_size': 32}), build({**vit, 'img_size': 64})
    report = load_matching(large, small.state_dict())
    assert 'pos_embed' in report.loaded and not report.mismatched
    grid = small.pos_embed[:, 1:].reshape(1, 2, 2, 16).permute(0, 3, 1, 2)
    grid = nn.functional.interpolate(grid, size=(4, 4), mode='bicubic')
    assert_close(large.pos_embed[:, 0], small.pos_embed[:, 0])
    assert_close(large.pos_embed[:, 1:], grid.flatten(2).transpose(1, 2))


@pytest.mark.parametrize('size', [32, 64, 96])
def test_positions_with_a_class_token_are_loaded_into_a_backbone_without(
    size, tmp_path
):
    arch = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=32)
    vit = dict(type='VisionTransformer', arch=arch, patch_size=16)
    trained = build({**vit, 'img_size': 64})
    changes = dict(img_size=size, with_cls_token=False, out_type='avg_featmap')
    branch = nn.ModuleDict(dict(backbone=build({**vit, **changes})))
    path = save(tmp_path / 'vit.pth', trained.state_dict())
    assert 'backbone.pos_embed' in load_branch(branch, path).loaded
    grid = trained.pos_embed[:, 1:].reshape(1, 4, 4, 16).permute(0, 3, 1, 2)
    grid = nn.functional.interpolate(grid, size=2 * (size // 16,), mode='bicubic')
    expected = grid.flatten(2).transpose(1, 2)
    assert_close(branch['backbone'].pos_embed, expected)


def perturbed(checkpoint, noise, seed=0, **changes):
    model = adf(**changes)
    torch.manual_seed(seed)
    load_branches(model, checkpoint, appearance_noise=noise)
    return model


def test_noise_has_the_relative_deviation_and_spares_norms_and_the_other_branch(
    checkpoint,
):
    path, network = checkpoint
    model = perturbed(path, noise=0.25)
    assert_holds(model.backbone, network.backbone.state_dict())
    assert_holds(model.head, network.head.state_dict())
    given, big = network.backbone.state_dict(), 0
    for name, tensor in model.appearance_backbone.state_dict().items():
        change = tensor - given[name]
        if tensor.dim() < 2:
            assert not change.any(), name
            continue
        ratio = (change.std() / given[name].std()).item()
        if change.numel() > 10_000:
            big += 1
            assert ratio == pytest.approx(0.25, rel=0.03)
            assert abs(change.mean()) < 0.05 * change.std()
        assert 0.15 < ratio < 0.35, name
    assert big == 4
    change = model.appearance_head.fc.weight - network.head.fc.weight
    assert 0.15 < change.std() / network.head.fc.weight.std() < 0.35


def test_noise_follows_the_seed(checkpoint):
    path, _ = checkpoint
    first = perturbed(path, 0.1, seed=1).appearance_backbone.state_dict()
    assert_holds(perturbed(path, 0.1, seed=1).appearance_backbone, first)
    other = perturbed(path, 0.1, seed=2).appearance_backbone.conv1.weight
    assert not torch.equal(other, first['conv1.weight'])


def test_noise_spares_what_was_not_loaded(checkpoint):
    model = adf(head={**HEAD, 'num_classes': 3})
    head = copy(model.appearance_head)
    load_branches(model, checkpoint[0], appearance_noise=0.5)
    assert_holds(model.appearance_head, head)


def test_constant_and_single_weights_stay_finite_under_noise():
    net = nn.Linear(1, 1)
    pretrained.add_noise(net, 0.5, ['weight', 'bias'])
    assert net.weight.isfinite().all()


@pytest.fixture
def printed(monkeypatch):
    calls = []
    monkeypatch.setattr(
        pretrained, 'print_log', lambda *args, **kwargs: calls.append((args, kwargs))
    )
    return calls


def test_what_was_loaded_is_logged_for_each_branch(checkpoint, printed):
    path, _ = checkpoint
    load_branches(adf(head={**HEAD, 'num_classes': 3}), path)
    shapes = 'head.fc.weight (5, 64) for (3, 64), head.fc.bias (5,) for (3,)'
    assert printed == [
        (
            (
                f'Pretrained {branch} branch, from {path}: '
                'backbone 100 of 100 tensors, head 0 of 2 tensors\n'
                f'    of another shape, left as initialised: {shapes}',
            ),
            dict(logger='current', level=logging.INFO),
        )
        for branch in ('semantic', 'appearance')
    ]


def test_a_partly_loaded_backbone_is_a_warning(checkpoint, printed, tmp_path):
    path, network = checkpoint
    state = network.state_dict()
    names = [name for name in state if 'layer4' in name and 'tracked' not in name]
    for name in names:
        del state[name]
    state['extra'] = torch.ones(1)
    part = save(tmp_path / 'part.pth', state)
    load_branches(adf(), path, appearance_checkpoint=part)
    ((_, semantic), ((text,), appearance)) = printed
    assert semantic['level'] == logging.INFO
    assert appearance['level'] == logging.WARNING
    assert f'from {part}: backbone {100 - len(names)} of 100 tensors, head 2' in text
    assert f'not in the checkpoint, left as initialised: {names[0]}, ' in text
    assert '  not used: extra' in text


def test_a_checkpoint_without_weights_for_the_backbone_is_refused(tmp_path):
    path = save(tmp_path / 'a.pth', {f'blocks.{i}': torch.ones(2) for i in range(5)})
    model = adf()
    before = copy(model)
    message = r'checkpoint=.*a\.pth.*ResNet_CIFAR.*conv1.weight.*got .*blocks\.0'
    with pytest.raises(ValueError, match=message):
        load_branches(model, path)
    assert_holds(model, before)


def test_a_checkpoint_of_an_adf_classifier_is_refused(tmp_path):
    path = save(tmp_path / 'a.pth', dict(state_dict=adf().state_dict()))
    with pytest.raises(ValueError, match='checkpoint=.*a.pth.*load_from'):
        load_branches(adf(), path)


def test_a_file_without_weights_is_refused(tmp_path):
    for content in [[1], dict(epoch=1), dict(state_dict={})]:
        with (
            named(content),
            pytest.raises(ValueError, match='checkpoint=.*a.pth.* no weights'),
        ):
            load_branches(adf(), save(tmp_path / 'a.pth', content))


def test_negative_noise_is_refused(checkpoint):
    for noise in [-0.1, float('nan')]:
        with (
            named(noise),
            pytest.raises(ValueError, match=f'appearance_noise={noise} .*>= 0'),
        ):
            load_branches(adf(), checkpoint[0], appearance_noise=noise)


def test_a_single_network_is_refused(checkpoint):
    with pytest.raises(ValueError, match='ImageClassifier .*appearance_backbone'):
        load_branches(checkpoint[1], checkpoint[0])


def test_safetensors_at_a_url_are_refused():
    with pytest.raises(ValueError, match='host.invalid.*download it'):
        load_branches(adf(), 'https://host.invalid/model.safetensors')
