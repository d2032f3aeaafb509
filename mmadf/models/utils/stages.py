"""What a backbone returns: which stages, of which shape."""

from inspect import signature
from itertools import chain
from typing import List, Sequence, Union

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mmadf.registry import MODELS


def asked_stages(backbone_cfg: dict) -> List[int]:
    """Return the stages that a backbone config asks for, in order of its maps.

    Args:
        backbone_cfg: config of a backbone; without `out_indices` the default of
            its class counts, behind a wrapper as `DecoupledBackbone` that of the
            `backbone` in it.

    Raises:
        ValueError: the backbone cannot return chosen stages.
    """
    stages = backbone_cfg.get('out_indices')
    if stages is None and 'backbone' in backbone_cfg:
        return asked_stages(backbone_cfg['backbone'])
    if stages is None:
        stages = _default_stages(backbone_cfg['type'])
    return [stages] if isinstance(stages, int) else list(stages)


def _default_stages(backbone: Union[str, type]) -> Union[int, Sequence[int]]:
    """Return the default of `out_indices` of a backbone class or name."""
    cls = backbone
    if isinstance(backbone, str):
        with MODELS.switch_scope_and_registry(None) as registry:
            cls = registry.get(backbone)
    for base in getattr(cls, '__mro__', ()):
        argument = signature(base.__init__).parameters.get('out_indices')
        if argument is not None:
            return argument.default
    raise ValueError(
        f'backbone type={backbone!r} has no out_indices, so its shallow maps cannot '
        'be reached; choose one that returns stages, as ResNet, ResNeXt, DenseNet or '
        'ConvNeXt do.'
    )


def map_shapes(backbone: nn.Module, image_size: int = 224) -> List[torch.Size]:
    """Return the shapes of the maps that a backbone returns, computing nothing.

    One forward pass with PyTorch's fake tensors, which have a shape and no data, in
    evaluation mode: neither weights nor random state are touched. They claim to lie
    on a CPU; on the meta device, layers that switch autocast off cannot run.

    Args:
        backbone: takes (N, C, H, W), returns a sequence of maps.
        image_size: height and width of the assumed image, in pixels.

    Returns:
        Shapes (1, C_i, H_i, W_i), one per map.

    Raises:
        ValueError: the backbone does not run without data.
    """
    state = chain(backbone.named_parameters(), backbone.named_buffers())
    channels = getattr(backbone, 'in_channels', 3)
    training = backbone.training
    backbone.train(False)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
            fake = {name: torch.empty(t.shape, dtype=t.dtype) for name, t in state}
            image = torch.empty(1, channels, image_size, image_size)
            maps = torch.func.functional_call(backbone, fake, (image,))
    except Exception as error:
        raise ValueError(
            f'the map shapes of {type(backbone).__name__} cannot be inferred '
            f'({type(error).__name__}: {error}); give the mapper in_channels, '
            'out_channels and strides.'
        ) from error
    finally:
        backbone.train(training)
    stages = getattr(backbone, 'out_indices', maps)
    if len(maps) != len(stages):
        raise ValueError(
            f'{type(backbone).__name__} returns {len(maps)} maps for '
            f'out_indices={stages}; name existing stages, each once.'
        )
    return [x.shape for x in maps]
