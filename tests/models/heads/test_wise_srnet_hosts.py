"""Wise-SrNet in classifiers, other default scopes, the Runner and runtimes."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.models.losses import CrossEntropyLoss
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.engine.data_checks import check_classes
from mmadf.models import WiseSrNetHead, WiseSrNetPooling
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, randomise, samples

HEAD = dict(
    type='WiseSrNetHead', num_classes=5, in_channels=CHANNELS[-1], map_size=(3, 4)
)
IMAGE = (2, 3, 24, 32)  # 8 times the map


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg)


def classifier(**changes):
    cfg = dict(type='ImageClassifier', backbone=backbone_cfg(), head=HEAD)
    return {**cfg, **changes}


NECK = dict(
    neck=dict(type='WiseSrNetPooling', in_channels=CHANNELS[-1], map_size=(3, 4)),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1]),
)


@pytest.mark.parametrize(
    ('cfg', 'kernels'),
    [(classifier(), 1), (adf_cfg(neck=None, head=HEAD), 2), (adf_cfg(**NECK), 2)],
    ids=['head', 'ADF head', 'ADF neck'],
)
def test_a_step_of_a_classifier_moves_and_projects_every_kernel(cfg, kernels):
    model = build(cfg)
    model.init_weights()
    names = [n for n, _ in model.named_parameters() if n.endswith('spatial.weight')]
    assert len(names) == kernels
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = model.loss(torch.randn(IMAGE), samples([0, 4]))
    sum(losses.values()).backward()
    optimizer.step()
    for name in names:
        moved = before[name] - 0.5 * model.get_parameter(name).grad
        assert (moved < 0).any()
        assert_close(model.get_parameter(name).detach(), moved.clamp(min=0))
        assert not torch.equal(moved, before[name])
    assert (model.state_dict()[names[0]] >= 0).all()
    (first, _) = model.eval().predict(torch.randn(IMAGE))
    assert first.pred_score.sum().item() == pytest.approx(1, abs=1e-5)


def test_loss_and_accuracies_are_those_of_the_config():
    loss = dict(type='CrossEntropyLoss', loss_weight=3.0)
    head = dict(HEAD, loss=loss, topk=(1, 2), cal_acc=True)
    model, x = build(classifier(head=head)), torch.randn(8, *IMAGE[1:])
    randomise(model).eval()
    labels = torch.arange(8) % 5
    losses, logits = model.loss(x, samples(labels)), model(x)
    assert_close(losses['loss'], 3 * F.cross_entropy(logits, labels))
    ranks = (logits > logits.gather(1, labels[:, None])).sum(1)
    for k in (1, 2):
        expected = 100 * (ranks < k).float().mean().item()
        (found,) = losses[f'accuracy_top-{k}']
        assert found.item() == pytest.approx(expected)


@pytest.mark.parametrize('scope', ['mmseg', 'mmadf'])
def test_it_builds_from_a_config_of_another_default_scope(scope):
    head = dict(HEAD, type='mmpretrain.WiseSrNetHead')
    with DefaultScope.overwrite_default_scope(scope):
        model = ROOT_MODELS.build(
            dict(
                type='mmpretrain.ImageClassifier',
                backbone=dict(backbone_cfg(), type='mmpretrain.ResNet_CIFAR'),
                head=head,
                data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            )
        )
        alone = ROOT_MODELS.build(head)
    for found in (model.head, alone):
        assert type(found) is WiseSrNetHead
        assert type(found.loss_module) is CrossEntropyLoss
    losses = model.loss(torch.randn(IMAGE), samples([0, 4]))
    losses['loss'].backward()
    assert model.head.pooling.spatial.weight.grad.abs().sum() > 0


def test_it_builds_from_the_registry_of_mmsegmentation():
    pytest.importorskip('mmseg')
    from mmseg.registry import MODELS as SEG_MODELS

    with DefaultScope.overwrite_default_scope('mmseg'):
        head = SEG_MODELS.build(dict(HEAD, type='mmpretrain.WiseSrNetHead'))
    assert type(head) is WiseSrNetHead
    assert type(head.loss_module) is CrossEntropyLoss


def test_data_with_another_number_of_classes_are_refused():
    data = SimpleNamespace(metainfo=dict(classes=tuple('abc')))
    with pytest.raises(ValueError, match='model.head.num_classes=5, but the train set'):
        check_classes(build(classifier()), data, 'train')


class Images(torch.utils.data.Dataset):
    """Thirty-two noise images of five classes."""

    metainfo = dict(classes=tuple('abcde'))

    def __init__(self):
        self.images = torch.randn(32, *IMAGE[1:])

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        (sample,) = samples([index % 5])
        return dict(inputs=self.images[index], data_samples=sample)


RUNS = {
    'clipped gradients, groups': dict(
        optim=dict(
            clip_grad=dict(max_norm=1.0),
            paramwise_cfg=dict(custom_keys={'spatial': dict(lr_mult=0.5)}),
        )
    ),
    'EMA': dict(hooks=[dict(type='EMAHook', begin_epoch=2)]),
    'EMA of states': dict(hooks=[dict(type='EMAHook', update_buffers=True)]),
    'accumulation': dict(optim=dict(accumulative_counts=3)),
}


@pytest.mark.parametrize('name', RUNS)
def test_the_runner_keeps_the_constraint_and_saves_feasible_checkpoints(name, tmp_path):
    run = RUNS[name]
    loader = dict(
        batch_size=4,
        num_workers=0,
        dataset=Images(),
        sampler=dict(type='DefaultSampler', shuffle=True),
        collate_fn=pseudo_collate,
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        runner = Runner(
            build(classifier()),
            str(tmp_path),
            train_dataloader=loader,
            val_dataloader=loader,
            train_cfg=dict(by_epoch=True, max_epochs=3),
            val_cfg=dict(),
            val_evaluator=dict(type='Accuracy'),
            optim_wrapper=dict(
                optimizer=dict(type='SGD', lr=0.5, momentum=0.9), **run.get('optim', {})
            ),
            custom_hooks=run.get('hooks'),
            default_scope='mmpretrain',
            experiment_name=name.replace(' ', '_').replace(',', ''),
            log_level='WARNING',
        )
        seen = []
        kernel = runner.model.head.pooling.spatial.weight
        runner.model.register_forward_hook(
            lambda model, *_: seen.append((model.training, kernel.min().item()))
        )
        runner.train()
    steps = [low for training, low in seen if training]
    draws = run.get('optim', {}).get('accumulative_counts', 1)
    assert max(steps[:draws]) < 0 == min(steps[draws:])
    assert min(low for training, low in seen if not training) == 0
    for epoch in (1, 2, 3):
        checkpoint = torch.load(tmp_path / f'epoch_{epoch}.pth', weights_only=False)
        states = [checkpoint['state_dict'], checkpoint.get('ema_state_dict', {})]
        found = [v for s in states for k, v in s.items() if 'spatial.weight' in k]
        assert len(found) == 1 + ('EMAHook' in str(run))
        for weight in found:
            assert (weight >= 0).all() and (weight > 0).any()


# Compiled and exported


@pytest.fixture
def compile_():
    torch.compiler.reset()  # PyTorch limits the recompilations of shared code
    return partial(torch.compile, fullgraph=True)


def build_head(**changes):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(WiseSrNetHead(num_classes=5, in_channels=4, **changes))


VARIANTS = [(dict(), 7), (dict(resize_kernel=True, pooling='shared'), 16)]


@pytest.mark.slow
@pytest.mark.parametrize(('cfg', 'size'), VARIANTS)
def test_compiled_without_graph_break_gives_the_same(cfg, size, compile_):
    head = build_head(**cfg)
    x = torch.randn(3, 4, size, size, requires_grad=True)
    compiled = compile_(head)
    for mode in (False, True):
        head.train(mode)
        expected = head((x,))
        weights = torch.randn_like(expected)
        inputs = [x, *head.parameters()]
        theirs = torch.autograd.grad((expected * weights).sum(), inputs)
        found = compiled((x,))
        assert_close(found, expected)
        ours = torch.autograd.grad((found * weights).sum(), inputs)
        assert_close(ours, theirs)


@pytest.mark.slow
def test_compiled_training_is_projected(compile_):
    head, plain = build_head(), build_head()
    plain.load_state_dict(head.state_dict(keep_vars=True))
    x = torch.randn(8, 4, 7, 7)
    for module, forward in (
        (plain, plain),
        (head, compile_(head)),
    ):
        optimizer = torch.optim.SGD(module.parameters(), lr=1.0, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            forward((x,)).square().mean().backward()
            optimizer.step()
    assert (head.pooling.spatial.weight == 0).any()
    assert_close(head.state_dict(), plain.state_dict())


@pytest.mark.slow
@torch.no_grad()  # PyTorch 2.8 fails to export clamp with gradients
@pytest.mark.parametrize(('cfg', 'size'), VARIANTS)
def test_onnx_runtime_gives_the_same(cfg, size, tmp_path):
    pytest.importorskip('onnxscript')
    runtime = pytest.importorskip('onnxruntime')
    head = build_head(**cfg).eval()
    path = str(tmp_path / 'head.onnx')
    batch = torch.export.Dim('batch', min=1, max=64)
    torch.onnx.export(
        head,
        ((torch.randn(2, 4, size, size),),),
        path,
        dynamo=True,
        dynamic_shapes=(({0: batch},),),
        verbose=False,
    )
    session = runtime.InferenceSession(path, providers=['CPUExecutionProvider'])
    (name,) = [i.name for i in session.get_inputs()]
    for n in (1, 5):
        x = torch.randn(n, 4, size, size)
        (found,) = session.run(None, {name: x.numpy()})
        assert_close(torch.from_numpy(found), head((x,)), rtol=1e-4, atol=1e-5)


def test_the_neck_is_a_pooling_neck_of_mmpretrain():
    neck = build(dict(NECK['neck']))
    assert type(neck) is WiseSrNetPooling
    (features,) = neck((torch.randn(2, CHANNELS[-1], 3, 4),))
    assert features.shape == (2, CHANNELS[-1])


@pytest.mark.parametrize(
    ('backbone', 'field', 'side'),
    [
        (dict(type='ConvNeXt', arch='atto'), dict(gap_before_final_norm=False), 2),
        (
            dict(type='VisionTransformer', arch='deit-tiny', img_size=64),
            dict(out_type='featmap'),
            4,
        ),
    ],
    ids=['ConvNeXt', 'ViT'],
)
def test_backbones_without_feature_map_are_told_the_field_that_gives_one(
    backbone, field, side
):
    channels = 320 if backbone['type'] == 'ConvNeXt' else 192
    head = dict(HEAD, in_channels=channels, map_size=side, pool_size=None)
    image = torch.randn(2, 3, 64, 64)
    model = build(classifier(backbone=backbone, head=head)).eval()
    ((name, value),) = field.items()
    with pytest.raises(ValueError, match=f'{name}={value!r}'):
        model(image)
    model = build(classifier(backbone={**backbone, **field}, head=head)).eval()
    assert model(image).std() > 0
