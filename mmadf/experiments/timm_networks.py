"""Which networks of timm ADF can use: cut into stages, deployed, exported."""

from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import List

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmadf.deployment.checks import DeploymentError, relative_difference
from mmadf.deployment.export import export_classifier
from mmadf.models.stages import stage_shapes, stages_of
from mmadf.registry import MODELS
from mmadf.utils.messages import one_line

HEAD = ['network', 'stages', 'cut', 'deployed', 'exported']
CLASSES = 10


def check_network(name: str, size: int = 224, export: bool = False) -> List[str]:
    """Fuse two copies of a network in an ADF classifier, deploy and export it.

    Args:
        name: a name of `timm.list_models`, built with features_only=True.
        size: height and width of the images, in pixels, > 0.
        export: whether to export it to ONNX as well.

    Returns:
        A row of text for the columns `HEAD`. 'cut' is the largest difference of the
        feature maps from those of timm, which is 0 if it runs the same operations.
        'deployed' and 'exported' are the largest differences of the logits from those
        of the whole network in PyTorch, relative to the largest logit. The first
        column that is not a number states why the network is refused.
    """
    torch.manual_seed(0)
    backbone = dict(type='TIMMBackbone', model_name=name, features_only=True)
    images = torch.randn(2, 3, size, size)
    with DefaultScope.overwrite_default_scope('mmpretrain'), torch.no_grad():
        try:
            network = MODELS.build(backbone)
            network.eval()
            stages = stages_of(network)
            shapes = stage_shapes(network, stages, size)
            cut = _cut_difference(network, images)
            cfg = _adf_config(backbone, shapes, size)
            model = randomise(MODELS.build(deepcopy(cfg.model)))
            model.eval()
        except Exception as error:  # a network may raise anything
            return [name, one_line(error)[:160], '', '', '']
        row = [name, str(len(stages)), f'{cut:.0e}', _deployed(model, images)]
        return [*row, _exported(model, cfg) if export else '']


def randomise(model: nn.Module) -> nn.Module:
    """Randomise what is constant initially, so that every layer has an effect."""
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2 or 'gate' in name:
            parameter += 0.1 * torch.randn_like(parameter)
    for name, buffer in model.named_buffers():
        if name.endswith('running_var'):
            buffer.uniform_(0.8, 1.2)
    return model


def _cut_difference(network: nn.Module, images: Tensor) -> float:
    """Return the largest difference between the stages' feature maps and timm's."""
    stages = stages_of(network)
    indices = stages.out_stages(network)
    maps = stages.maps(network, images, indices[-1])
    expected = network(images)
    if getattr(network.timm_model, 'output_fmt', None) == 'NHWC':
        expected = [x.permute(0, 3, 1, 2) for x in expected]
    pairs = zip([maps[i] for i in indices], expected, strict=True)
    return max((x - y).abs().max().item() for x, y in pairs)


def _adf_config(backbone: dict, shapes: List[torch.Size], size: int) -> Config:
    """Return the config of a classifier that fuses two stages into the last one."""
    model = dict(
        type='mmadf.ADFClassifier',
        backbone=backbone,
        mapper=dict(type='mmadf.Mapper', sources=(0, 1)),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=CLASSES, in_channels=shapes[-1][1]),
        data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True),
    )
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(size, size)),
        dict(type='PackInputs'),
    ]
    dataset = dict(type='CustomDataset', data_root='', pipeline=pipeline)
    loader = dict(batch_size=1, num_workers=0, dataset=dataset)
    return Config(dict(default_scope='mmpretrain', model=model, test_dataloader=loader))


def _deployed(model: nn.Module, images: Tensor) -> str:
    """Return how far the logits move when the network is deployed, or the error."""
    small = deepcopy(model)
    try:
        small.switch_to_deploy()
        return f'{relative_difference(small(images), model(images)):.0e}'
    except Exception as error:  # a network may raise anything
        return one_line(error)[:160]


def _exported(model: nn.Module, cfg: Config) -> str:
    """Return how far the logits move when the network is exported, or the error."""
    with TemporaryDirectory() as folder:
        config, weights = Path(folder, 'config.py'), Path(folder, 'weights.pth')
        out = Path(folder, 'network.onnx')
        cfg.dump(config)
        torch.save(dict(state_dict=model.state_dict()), weights)
        try:
            found = export_classifier(
                str(config), str(weights), out, log=lambda _: None
            )
            return f'{found:.0e}'
        except DeploymentError as error:
            return one_line(error)[:160]
