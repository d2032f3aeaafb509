import copy
import sys

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import load_state_dict
from mmpretrain.models import ConvNeXt, DenseNet, InceptionV3, ResNet
from mmpretrain.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d, DecoupledLinear
from mmadf.models.layers.decoupled import functional
from mmadf.models.surgery import decouple, fold, recouple
from tests.helpers import adf_cfg, backbone_cfg, named, randomise, samples

NORMED = dict(magnitude='linear', angle='cosine')


def image():
    return torch.randn(2, 3, 64, 64)


def convolutions(model, cls):
    return {name for name, m in model.named_modules() if type(m) is cls}


def test_every_convolution_but_shortcuts_is_swapped():
    model = ResNet(18)
    before = convolutions(model, nn.Conv2d)
    names = decouple(model, magnitude='ball', angle='linear')
    assert set(names) == {name for name in before if 'downsample' not in name}
    assert convolutions(model, DecoupledConv2d) == set(names)
    assert convolutions(model, nn.Conv2d) == before - set(names)
    operator = model.layer2[0].conv1.operator
    assert (operator.magnitude, operator.angle) == ('ball', 'linear')
    assert model.layer2[0].conv1.stride == (2, 2)


def test_parameters_stay_the_same_objects():
    model = ResNet(18)
    before = dict(model.named_parameters())
    decouple(model)
    after = dict(model.named_parameters())
    assert all(after[name] is before[name] for name in before)
    assert {n.rpartition('.')[2] for n in set(after) - set(before)} == {'radius'}


def test_patterns_choose():
    model = ResNet(18)
    include, exclude = ['layer3.*', 'layer4.*'], ['*downsample*', '*conv2']
    names = decouple(model, include=include, exclude=exclude)
    assert names == [f'layer{i}.{j}.conv1' for i in (3, 4) for j in (0, 1)]


def shared():
    """Return a network that holds one convolution under two names."""
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    model.again = model[0]
    return model


def test_a_shared_module_is_swapped_under_all_its_names():
    model, x = shared(), torch.randn(2, 3, 4, 4)
    assert decouple(model, include=['0'], **NORMED) == ['0', 'again']
    assert type(model[0]) is DecoupledConv2d and model[0] is model.again
    model.eval()
    before = model(x)
    assert fold(model) == ['0', 'again']
    assert type(model[0]) is nn.Conv2d and model[0] is model.again
    assert_close(model(x), before)


def test_a_shared_module_of_which_a_name_is_excluded_stays():
    with pytest.raises(ValueError, match='no nn.Conv2d of Sequential matches'):
        decouple(shared(), exclude=['again'])


def test_reparametrised_convolutions_are_left_alone_and_named():
    for wrap in [nn.utils.spectral_norm, nn.utils.parametrizations.weight_norm]:
        with named(wrap):
            model = nn.Sequential(nn.Conv2d(3, 3, 1), wrap(nn.Conv2d(3, 3, 1)))
            with pytest.warns(UserWarning, match='are left unchanged .*the first is 1'):
                assert decouple(model) == ['0']


def test_what_cannot_be_swapped_is_named():
    for call, error, message in [
        (lambda: decouple(nn.Conv2d(3, 3, 1)), ValueError, 'put it into nn.Sequential'),
        (
            lambda: recouple(DecoupledConv2d(3, 3, 1)),
            ValueError,
            'put it into nn.Sequential',
        ),
        (
            lambda: decouple(nn.Sequential(nn.Conv2d(3, 3, 1)), exclude='fc*'),
            TypeError,
            r"exclude='fc\*' must be a list",
        ),
    ]:
        with named(message), pytest.raises(error, match=message):
            call()


def test_recouple_undoes():
    model, x = ResNet(18), image()
    model.eval()
    (before,) = model(x)
    decouple(model, magnitude='sphere')
    assert (model(x)[0] - before).abs().mean() > 1e-3
    recouple(model)
    assert convolutions(model, DecoupledConv2d) == set()
    assert_close(model(x)[0], before, rtol=0, atol=0)


def test_fold_keeps_the_output_at_the_price_of_a_convolution():
    model, x = DenseNet('121'), image()
    names = decouple(model, alpha=1.2, **NORMED)
    model.eval()
    (before,) = model(x)
    assert fold(model) == names
    assert convolutions(model, DecoupledConv2d) == set()
    assert_close(model(x)[0], before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('fast', [True, False])
@pytest.mark.parametrize(
    ('magnitude', 'angle'),
    [('tanh', 'cosine'), ('segmented', 'square_cosine'), ('weighted_tanh', 'linear')],
)
def test_fold_normalises_the_kernels_of_other_operators_once(
    magnitude, angle, fast, monkeypatch
):
    monkeypatch.setattr(functional, 'is_traced', lambda: not fast)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 6, 3, groups=2, bias=True))
    names = decouple(model, magnitude=magnitude, angle=angle)
    randomise(model, 1.0).double().eval()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    before = model(x)
    (slope,) = torch.autograd.grad(before.square().sum(), x)
    assert fold(model) == names
    for layer in model:
        norms = layer.weight.square().sum((1, 2, 3))
        assert_close(norms, 1 - 1e-4 / layer.operator.kernel_norms**2)
    for _ in range(2):  # folding twice is folding once
        after = model(x)
        assert_close(after, before)
        assert_close(torch.autograd.grad(after.square().sum(), x)[0], slope)
        fold(model)


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize(
    ('magnitude', 'kind'), [('linear', nn.Linear), ('tanh', DecoupledLinear)]
)
def test_fold_knows_fully_connected_layers(magnitude, kind, bias):
    layer = DecoupledLinear(5, 3, bias=bias, magnitude=magnitude, alpha=1.3)
    model = randomise(nn.Sequential(layer), 1.0).double().eval()
    x = torch.randn(4, 5, dtype=torch.float64)
    before = model(x)
    assert fold(model) == ['0']
    assert type(model[0]) is kind
    assert_close(model(x), before)
    lengths = model[0].weight.norm(dim=1)
    expected = 1.3 if magnitude == 'linear' else 1.0
    assert_close(lengths, torch.full_like(lengths, expected), rtol=1e-2, atol=0)


@pytest.fixture
def both_forms():
    """A decoupled layer, and the same one folded."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3))
    decouple(model)
    folded = copy.deepcopy(model)
    fold(folded)
    return model, folded


@pytest.mark.parametrize('strict', [True, False])
def test_layers_that_normalise_refuse_folded_kernels(both_forms, strict):
    model, folded = both_forms
    with pytest.raises(ValueError, match='0.operator.kernel_norms.* is not folded'):
        load_state_dict(model, folded.state_dict(), strict=strict)
    folded.load_state_dict(folded.state_dict())


@pytest.mark.parametrize('strict', [True, False])
def test_folded_layers_refuse_kernels_that_are_not_normalised(both_forms, strict):
    model, folded = both_forms
    with pytest.raises(ValueError, match='have 0.weight without 0.operator.kernel_no'):
        load_state_dict(folded, model.state_dict(), strict=strict)


@pytest.mark.parametrize(
    'parametrise', [nn.utils.spectral_norm, nn.utils.parametrizations.weight_norm]
)
@pytest.mark.parametrize('magnitude', ['tanh', 'linear'])
def test_layers_whose_weight_is_computed_are_not_folded(parametrise, magnitude):
    layer = DecoupledConv2d(3, 4, 3, magnitude=magnitude)
    model = nn.Sequential(parametrise(layer), DecoupledConv2d(4, 2, 1)).eval()
    x = torch.randn(1, 3, 5, 5)
    before = model(x)
    assert fold(model) == ['1']
    assert model[0] is layer
    assert_close(model(x), before)


def test_folded_layers_are_not_recoupled():
    model = nn.Sequential(DecoupledConv2d(3, 8, 3))
    fold(model)
    with pytest.raises(ValueError, match='recouple: 0 are folded'):
        recouple(model)


def test_groups_dilation_and_bias_are_kept():
    conv = nn.Conv2d(4, 8, 3, 2, 1, 2, groups=2, bias=True, padding_mode='reflect')
    model = nn.Sequential(conv)
    decouple(model, **NORMED)
    norms = (conv.weight.square().sum((1, 2, 3), keepdim=True) + 1e-4).sqrt()
    expected = copy.deepcopy(conv)
    expected.weight = nn.Parameter(conv.weight / norms)
    x = torch.randn(2, 4, 9, 9)
    assert_close(model(x), expected(x))


def test_config_builds_a_decoupled_backbone():
    cfg = dict(
        type='ImageClassifier',
        backbone=dict(
            type='DecoupledBackbone',
            backbone=dict(type='DenseNet', arch='121'),
            operator=dict(magnitude='segmented', angle='square_cosine'),
            exclude=['stem.*'],
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=3, in_channels=1024),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)
    model.init_weights()
    names = convolutions(model.backbone, DecoupledConv2d)
    assert len(names) == 119
    model.loss(image(), samples([0, 2]))['loss'].backward()
    for name in names:
        assert (
            model.backbone.get_submodule(name).operator.radius.grad.abs().sum() > 0
        ), name


def test_wrapped_backbone_takes_and_returns_stages():
    inner = dict(type='ResNet', depth=18, out_indices=(1, 3))
    cfg = dict(type='DecoupledBackbone', backbone=inner)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        as_given = MODELS.build(cfg)
        asked = MODELS.build({**cfg, 'out_indices': (0, 2)})
    assert [m.shape[1] for m in as_given(image())] == [128, 512]
    assert [m.shape[1] for m in asked(image())] == [64, 256]
    assert inner == dict(type='ResNet', depth=18, out_indices=(1, 3))


@pytest.mark.parametrize('part', ['Backbone', 'Classifier'])
def test_configs_name_the_decoupled_layers(part):
    inside = dict(type='ImageClassifier', backbone=backbone_cfg())
    prefix = 'backbone.' if part == 'Classifier' else ''
    cfg = {
        'type': f'Decoupled{part}',
        part.lower(): inside if prefix else inside['backbone'],
        'include': [f'{prefix}layer3.*', f'{prefix}layer4.*'],
        'exclude': ['*.conv2', '*downsample*'],
    }
    if prefix:
        cfg['data_preprocessor'] = dict(mean=[1, 2, 3], std=[1, 1, 1])
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        network = MODELS.build(cfg)
    expected = {
        f'{prefix}layer{stage}.{block}.conv1' for stage in (3, 4) for block in (0, 1)
    }
    assert set(convolutions(network, DecoupledConv2d)) == expected
    if prefix:
        assert network.data_preprocessor.mean.flatten().tolist() == [1, 2, 3]


@pytest.mark.parametrize('part', ['Backbone', 'Classifier'])
def test_operator_that_is_no_dict_is_named(part):
    cfg = {'type': f'Decoupled{part}', part.lower(): {}, 'operator': 'tanh'}
    with pytest.raises(TypeError, match=f"Decoupled{part}: operator='tanh' must be a"):
        MODELS.build(cfg)


def test_adf_over_a_wrapped_backbone_builds_and_steps():
    wrapped = dict(
        type='DecoupledBackbone', backbone=backbone_cfg(zero_init_residual=False)
    )
    cfg = adf_cfg(backbone=wrapped, mapper=dict(type='Mapper', sources=(0, 1)))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)
    model.init_weights()
    assert model.mappers[0].strides == (8, 4)
    for branch in (model.backbone, model.appearance_backbone):
        assert len(convolutions(branch, DecoupledConv2d)) == 17
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = {name: p.clone() for name, p in model.named_parameters()}
    sum(model.loss(image(), samples([0, 2])).values()).backward()
    optimizer.step()
    for branch in ('backbone', 'appearance_backbone'):
        for name in ('conv1.weight', 'conv1.operator.radius', 'layer4.1.conv2.weight'):
            name = f'{branch}.{name}'
            assert not torch.equal(model.get_parameter(name), before[name]), name


# What other libraries build


@pytest.mark.parametrize(
    ('build', 'total', 'left'),
    [
        (lambda: DenseNet('121'), 120, 0),
        (lambda: InceptionV3(num_classes=3, aux_logits=False), 94, 0),
        (lambda: timm_model('resnet18', zero_init_last=False), 20, 3),
        (lambda: timm_model('densenet121'), 120, 0),
    ],
    ids=['densenet', 'inception', 'timm_resnet', 'timm_densenet'],
)
def test_networks_of_plain_convolutions_are_swapped_and_learn(build, total, left):
    """`left` are the shortcuts; counts as published."""
    model = build()
    assert len(convolutions(model, nn.Conv2d)) == total
    names = decouple(model, magnitude='tanh')
    assert len(names) == total - left
    assert len(convolutions(model, nn.Conv2d)) == left
    y = model(torch.randn(2, 3, 96, 96))
    (y if torch.is_tensor(y) else y[-1]).square().sum().backward()
    for name in names:
        assert model.get_submodule(name).operator.radius.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ('build', 'left'),
    [
        (lambda: ConvNeXt('atto'), set()),
        (
            lambda: timm_model('regnety_002'),
            {f's{i}.b1.downsample.conv' for i in (1, 2, 3, 4)},
        ),
        (lambda: timm_model('mobilenetv3_small_050'), set()),
    ],
    ids=['downsample_layers', 'se.fc1', 'conv_head'],
)
def test_names_that_resemble_shortcuts_and_classifiers_are_swapped(build, left):
    model = build()
    decouple(model)
    assert convolutions(model, nn.Conv2d) == left


def test_what_is_swapped_is_logged_once(monkeypatch):
    said = []
    module = sys.modules[decouple.__module__]
    monkeypatch.setattr(module, 'print_log', lambda line, logger: said.append(line))
    decouple(ResNet(18))
    (line,) = said
    assert '17 of 20 convolutions of ResNet' in line
    assert 'not replaced: layer2.0.downsample.0, layer3.0.down' in line


def timm_model(name, **options):
    timm = pytest.importorskip('timm')
    return timm.create_model(name, num_classes=3, **options)


class Standardised(nn.Conv2d):
    """Normalises its weights before it uses them, as several libraries do."""


def test_subclasses_are_left_alone_and_named():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), Standardised(4, 4, 3), DecoupledConv2d(4, 4, 3)
    )
    subclass, decoupled = model[1], model[2]
    message = r'1 modules .*\(Standardised; the first is 1\)'
    with pytest.warns(UserWarning, match=message):
        assert decouple(model) == ['0']
    assert model[1] is subclass
    assert model[2] is decoupled


def test_subclasses_that_are_excluded_are_no_reason_to_warn(recwarn):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Standardised(4, 4, 3))
    decouple(model, exclude=['1'])
    assert not recwarn.list


def test_padding_subclasses_of_timm_are_left_alone():
    model = timm_model('tf_mobilenetv3_small_075')
    before = convolutions(model, nn.Conv2d)
    with pytest.warns(UserWarning, match=r'5 modules .*\(Conv2dSame; the first'):
        assert set(decouple(model, exclude=())) == before


def test_nothing_but_subclasses_is_an_error_that_names_them():
    with pytest.raises(ValueError, match=r'29 modules .*\(ScaledStdConv2d; the'):
        decouple(timm_model('nf_resnet26'), exclude=())


def test_nothing_to_swap_is_an_error():
    with pytest.raises(ValueError, match=r"no nn.Conv2d of ResNet matches .*'stem'"):
        decouple(ResNet(18), include=['stem'])


def test_unknown_argument_is_an_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'magnitud'"):
        decouple(ResNet(18), magnitud='ball')
