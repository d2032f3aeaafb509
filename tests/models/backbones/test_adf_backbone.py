"""ADF as a backbone: against the classifier and the host's backbones, and in hosts."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d
from mmadf.registry import MODELS
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, named, randomise, samples

MAPPER = dict(type='Mapper', sources=(0, 1))


@pytest.fixture(autouse=True)
def _scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def backbone(**changes):
    cfg = dict(type='ADFBackbone', backbone=backbone_cfg(), mapper=MAPPER)
    return MODELS.build({**cfg, **changes})


def images():
    return torch.randn(2, 3, 16, 16)


def count(module):
    return sum(p.numel() for p in module.parameters())


# Law: the classifier, and the plain backbones


@torch.no_grad()
def test_the_appearance_backbone_may_differ():
    narrow = backbone_cfg(base_channels=4, stem_channels=4)
    adf = randomise(backbone(appearance_backbone=narrow), std=0.2).eval()
    assert adf.mappers[0].in_channels == (4, 8)
    x = images()
    adf.appearance_backbone.out_indices = (0, 1)
    shallow = adf.appearance_backbone(x)
    assert_close(adf(x)[0], adf.mappers[0](shallow, adf.backbone(x)[0]))


@torch.no_grad()
def test_under_a_head_it_is_the_classifier_with_the_same_weights():
    cfg = adf_cfg()
    inside = {name: cfg.pop(name) for name in ('backbone', 'mapper')}
    inside = dict(inside, type='ADFBackbone')
    plain = MODELS.build(dict(cfg, type='ImageClassifier', backbone=inside)).eval()
    adf, x = randomise(MODELS.build(adf_cfg()), std=0.2).eval(), images()
    weights = adf.state_dict()
    for name in plain.backbone.state_dict():
        weights[f'backbone.{name}'] = adf.state_dict()[name]
    kept = {name: weights[name] for name in plain.state_dict()}
    plain.load_state_dict(kept, strict=True)
    assert_close(plain(x), adf(x), rtol=0, atol=0)


@torch.no_grad()
def test_fresh_it_returns_the_maps_of_the_plain_backbone():
    adf, x = backbone(out_indices=(0, 1, 3)).eval(), images()
    adf.backbone.out_indices = (0, 1, 3)
    assert_close(adf(x), adf.backbone(x))
    assert [m.shape[1] for m in adf(x)] == [CHANNELS[i] for i in (0, 1, 3)]


@torch.no_grad()
def test_returned_maps_are_fused_and_appearance_follows():
    mapper = [dict(MAPPER, target=2), MAPPER]
    adf = backbone(mapper=mapper, out_indices=(1, 2, 3), appearance_out_indices=(0, 2))
    randomise(adf, std=0.2).eval()
    x = images()
    adf.backbone.out_indices = adf.appearance_backbone.out_indices = (0, 1, 2)
    shallow, (_, one, two) = adf.appearance_backbone(x), adf.backbone(x)
    two = adf.mappers[0](shallow[:2], two)
    three = adf.mappers[1](shallow[:2], adf.backbone.layer4(two))
    assert_close(adf(x), (one, two, three, shallow[0], shallow[2]))


@torch.no_grad()
def test_a_norm_of_each_returned_stage_is_the_hosts():
    arch = dict(depths=[1, 1, 1, 1], channels=[8, 16, 32, 64])
    convnext = dict(type='ConvNeXt', arch=arch, gap_before_final_norm=False)
    adf = backbone(backbone=convnext, out_indices=[1, 3], appearance_out_indices=0)
    adf.eval()
    x = torch.randn(1, 3, 64, 64)
    plain = MODELS.build(dict(convnext, out_indices=[0, 1, 3]))
    plain.eval()  # its train() returns None
    plain.load_state_dict(adf.backbone.state_dict(), strict=False)
    assert_close(adf(x)[:2], plain(x)[1:])
    shallow = adf.appearance_backbone.state_dict()
    plain.load_state_dict(shallow, strict=False)
    assert_close(adf(x)[2], plain(x)[0])


# What runs and what learns


def test_the_appearance_branch_ends_where_nothing_reads_it():
    def depth(**changes):
        network = backbone(**changes).appearance_backbone
        return [count(getattr(network, f'layer{i}')) > 0 for i in (1, 2, 3, 4)]

    assert depth() == [True, True, False, False]
    assert depth(appearance_out_indices=(0,)) == [True, True, False, False]
    assert depth(appearance_out_indices=(2,)) == [True, True, True, False]


def test_every_parameter_gets_a_gradient():
    adf = randomise(backbone(appearance_out_indices=(2,)), std=0.2)
    sum(x.square().mean() for x in adf(images())).backward()
    without = [n for n, p in adf.named_parameters() if not p.grad.abs().sum() > 0]
    assert without == []


def test_with_stop_gradient_only_the_returned_maps_train_the_appearance_branch():
    adf = randomise(backbone(appearance_out_indices=(1,), stop_gradient=True), std=0.2)
    fused, shallow = adf(images())
    fused.mean().backward()
    parameters = list(adf.appearance_backbone.parameters())
    assert all(p.grad is None for p in parameters)
    shallow.square().mean().backward()
    assert all(p.grad.abs().sum() > 0 for p in parameters)


def test_frozen_stages_stay_as_they_are_in_both_branches():
    decoupled = backbone_cfg(conv_cfg=dict(type='DecoupledConv2d'))
    adf = backbone(backbone=decoupled, frozen_stages=3).train()
    frozen = ('conv1.', 'bn1.', 'layer1.', 'layer2.', 'layer3.')
    before = {name: x.clone() for name, x in adf.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in adf.parameters() if p.requires_grad], 1.0)
    for _ in range(2):
        optimizer.zero_grad()
        adf(images())[0].square().mean().backward()
        optimizer.step()
    after = adf.state_dict()
    moved = {name for name, x in before.items() if not torch.equal(x, after[name])}
    branches = ('backbone.', 'appearance_backbone.')
    still = tuple(branch + name for branch in branches for name in frozen)
    assert not [name for name in moved if name.startswith(still)]
    assert {name.split('.')[0] for name in moved} == {'backbone', 'mappers'}
    assert 'backbone.layer4.0.conv1.weight' in moved
    assert isinstance(adf.backbone.conv1, DecoupledConv2d)


VIT = dict(
    type='VisionTransformer',
    arch=dict(embed_dims=8, num_layers=4, num_heads=2, feedforward_channels=16),
    img_size=32,
    patch_size=8,
    with_cls_token=False,
    out_type='featmap',
)
SWIN = dict(
    type='SwinTransformer',
    arch=dict(embed_dims=12, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]),
    img_size=64,
    use_abs_pos_embed=True,
    pad_small_map=True,
)


@pytest.mark.parametrize(
    ('inner', 'outputs', 'frozen'),
    [
        (VIT, (1, 3), ('pos_embed', 'patch_embed.', 'layers.0.', 'layers.1.')),
        (
            SWIN,
            (0, 1, 2, 3),
            (
                *('absolute_pos_embed', 'patch_embed.', 'stages.0.', 'norm0.'),
                *('stages.1.blocks.', 'norm1.'),
            ),
        ),
    ],
    ids=['ViT', 'Swin'],
)
def test_position_embeddings_and_norms_of_frozen_stages_are_frozen(
    inner, outputs, frozen
):
    adf = backbone(
        backbone=inner,
        mapper=dict(type='Mapper', sources=(0,)),
        out_indices=outputs,
        appearance_out_indices=outputs,
        frozen_stages=2,
    )
    for network in (adf.backbone, adf.appearance_backbone):
        for name, parameter in network.named_parameters():
            assert parameter.requires_grad != name.startswith(frozen), name


@torch.no_grad()
def test_both_branches_start_from_a_checkpoint(tmp_path):
    path = tmp_path / 'backbone.pth'
    plain = randomise(MODELS.build(backbone_cfg()))
    torch.save(plain.state_dict(), path)
    adf = backbone(pretrained_branches=dict(checkpoint=str(path)))
    adf.init_weights()
    for name in ('conv1.weight', 'layer2.0.bn1.running_mean'):
        for branch in (adf.backbone, adf.appearance_backbone):
            found, expected = (net.state_dict()[name] for net in (branch, plain))
            assert_close(found, expected, rtol=0, atol=0)


# Deployment


@torch.no_grad()
@pytest.mark.parametrize('fold', [True, False])
def test_deployed_it_returns_the_fused_maps(fold, tmp_path):
    changes = dict(out_indices=(1, 3), appearance_out_indices=(2,))
    adf = randomise(backbone(**changes), std=0.2).eval().double()
    x = images().double()
    expected = adf(x)[:2]
    whole = adf.state_dict()
    adf.switch_to_deploy(fold=fold)
    assert count(adf.appearance_backbone.layer3) == 0
    again = backbone(**changes, deploy=dict(fold=fold)).double()
    again.load_state_dict(adf.state_dict(), strict=True)
    for network in (adf, again):
        assert_close(network(x), expected, rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match='ADFBackbone: this network is deployed'):
        again.load_state_dict(whole)
    with pytest.raises(ValueError, match='is deployed and cannot be trained'):
        again.train()(x)


def test_weights_of_the_folded_network_are_refused_by_the_whole_one():
    adf = backbone()
    folded = backbone(deploy=dict()).state_dict()
    with pytest.raises(ValueError, match='ADFBackbone: .* this one is whole'):
        adf.load_state_dict(folded)


# Errors


def test_a_value_that_makes_no_backbone_is_named():
    for changes, message in [
        (dict(mapper=None), 'ADFBackbone: mapper=None fuses nothing'),
        (dict(mapper=[]), r'mapper=\[\] fuses nothing'),
        (dict(mapper=dict(MAPPER, target=4)), 'target=4 must be a stage'),
        (dict(out_indices=(4,)), r'ResNet_CIFAR cannot be built .*out_indices=\(4,\)'),
        (dict(out_indices=()), r'out_indices=\(\)'),
        (dict(appearance_out_indices=7), r'out_indices=\(7,\)'),
        (dict(frozen_stages=0), 'frozen_stages=0 must be .* from 1 to 4.* stem'),
        (dict(frozen_stages=5), 'frozen_stages=5 must be .* from 1 to 4'),
        (
            dict(stop_gradient=True),
            r'stop_gradient=True with appearance_out_indices=\(\) .* stage 1,',
        ),
        (
            dict(stop_gradient=True, appearance_out_indices=0),
            r'stop_gradient=True with appearance_out_indices=\(0,\) .* stage 1,',
        ),
        (dict(backbone=dict(type='HRNet', arch='w18')), 'HRNet has no registered'),
    ]:
        with named(changes), pytest.raises(ValueError, match=message):
            backbone(**changes)


def test_an_argument_that_is_no_config_is_named():
    for changes, message in [
        (dict(mapper='x'), "ADFBackbone: mapper='x'"),
        (dict(deploy=True), 'ADFBackbone: deploy=True'),
        (dict(backbone=torch.nn.Identity()), 'ADFBackbone: backbone is a Identity'),
        (dict(appearance_backbone='x'), 'appearance_backbone is a str'),
        (dict(pretrained='x.pth'), "'pretrained'"),
    ]:
        with named(changes), pytest.raises(TypeError, match=message):
            backbone(**changes)


# Hosts


def test_it_trains_in_a_classifier_of_mmpretrain():
    cfg = {name: part for name, part in adf_cfg().items() if name != 'mapper'}
    inside = dict(type='mmadf.ADFBackbone', backbone=backbone_cfg(), mapper=MAPPER)
    model = MODELS.build(dict(cfg, type='ImageClassifier', backbone=inside))
    x, labels = torch.randn(4, 3, 16, 16), samples([0, 3, 1, 4])
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        losses.append(model.loss(x, labels)['loss'])
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0] / 2
    assert [len(sample.pred_score) for sample in model.eval().predict(x)] == [5] * 4


def fcn(name, **changes):
    """Return a segmentor over dilated ResNets, with a head on each branch."""
    resnet = dict(
        type='ResNetV1c',
        depth=18,
        stem_channels=8,
        base_channels=8,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
    )
    head = dict(type='FCNHead', channels=8, num_convs=1, num_classes=3, dropout_ratio=0)
    inside = dict(
        type=name,
        backbone=resnet,
        mapper=MAPPER,
        out_indices=(0, 1, 2, 3),
        appearance_out_indices=(1,),
    )
    return dict(
        type='EncoderDecoder',
        backbone={**inside, **changes},
        decode_head=dict(head, in_channels=64, in_index=3),
        auxiliary_head=dict(head, in_channels=16, in_index=4),
        test_cfg=dict(mode='whole'),
    )


@pytest.mark.slow
@pytest.mark.parametrize('name', ['ADFBackbone', 'mmadf.ADFBackbone'])
def test_it_trains_in_a_segmentor_of_mmsegmentation(name):
    pytest.importorskip('mmseg')
    from mmseg.registry import MODELS as SEG_MODELS
    from mmseg.structures import SegDataSample
    from mmseg.utils import register_all_modules

    register_all_modules(init_default_scope=False)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = SEG_MODELS.build(fcn(name))
    assert type(model.backbone.backbone).__module__.startswith('mmseg.')
    assert model.backbone.mappers[0].strides == (2, 1)
    model.init_weights()
    x = torch.randn(2, 3, 32, 32)
    sample = SegDataSample(metainfo=dict(img_shape=(32, 32), ori_shape=(32, 32)))
    sample.gt_sem_seg = PixelData(data=torch.randint(0, 3, (1, 32, 32)))
    losses = model.loss(x, [sample, sample])
    assert {'decode.loss_ce', 'aux.loss_ce'} < set(losses)
    sum(loss for key, loss in losses.items() if 'loss' in key).backward()
    for network in (model.backbone.backbone, model.backbone.appearance_backbone):
        assert network.layer2[0].downsample[0].weight.grad.abs().sum() > 0
    model.eval()
    with torch.no_grad():
        expected = model.encode_decode(x, [dict(img_shape=(32, 32))] * 2)
        model.backbone.switch_to_deploy()
        found = model.encode_decode(x, [dict(img_shape=(32, 32))] * 2)
    assert_close(found, expected, rtol=1e-4, atol=1e-5)
