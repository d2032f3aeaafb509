"""Weights of other people's checkpoints, and what of them fits a module."""

from contextlib import contextmanager
from typing import Dict, Iterable, Iterator, NamedTuple, Tuple

from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

TIMM = 'timm_model.'  # where MMPretrain's TIMMBackbone keeps its network
# Batch norm counts batches for averages that few use; old checkpoints lack it.
COUNTER = 'num_batches_tracked'


class SlotReport(NamedTuple):
    """What a checkpoint gave to one module; batch norm's counters do not count."""

    loaded: Tuple[str, ...]  # parameters and statistics
    missing: Tuple[str, ...]  # left as initialised: not in the checkpoint
    other_shape: Dict[str, str]  # left as initialised: both shapes
    unused: Tuple[str, ...]  # in the checkpoint, not in the module
    parameters_loaded: int
    parameters: int

    @property
    def tensors(self) -> int:
        """Number of tensors that the module has."""
        return len(self.loaded) + len(self.missing) + len(self.other_shape)


def read_weights(checkpoint: str) -> Dict[str, Tensor]:
    """Read the weights of one network from a checkpoint.

    Args:
        checkpoint: path or URL, as MMEngine's CheckpointLoader takes them: a file of
            weights by name, alone or as `state_dict` (MMPretrain) or `model` (timm)
            beside other things; or the path of a `.safetensors` file.

    Raises:
        ValueError: no weights in it, or the branches of an ADF classifier.
    """
    content = _read(checkpoint)
    for key in ('state_dict', 'model'):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        content = {}
    weights = {n: t for n, t in content.items() if isinstance(t, Tensor)}
    if not weights:
        raise ValueError(
            f'checkpoint={checkpoint!r} has no weights by name ({first(content)}); '
            'give a state dict, alone or as `state_dict` or `model`.'
        )
    if all(name.startswith('module.') for name in weights):
        weights = {n.removeprefix('module.'): t for n, t in weights.items()}
    if any(name.startswith('appearance_') for name in weights):
        raise ValueError(
            f'checkpoint={checkpoint!r} is of an ADF classifier, with weights of both '
            'branches; load it whole, with load_from, without pretrained_branches.'
        )
    return weights


def _read(checkpoint: str) -> object:
    if not checkpoint.endswith('.safetensors'):
        return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    if '://' in checkpoint:
        raise ValueError(
            f'checkpoint={checkpoint!r}: safetensors are read from files only; '
            'download it and give the path.'
        )
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(
            f'checkpoint={checkpoint!r} needs safetensors: pip install safetensors'
        ) from error
    return load_file(checkpoint)


def as_named(weights: Dict[str, Tensor], names: Iterable[str]) -> Dict[str, Tensor]:
    """Return weights under the names of a backbone, where timm's are inside a wrapper.

    `TIMMBackbone` puts `timm_model.` before them, and timm itself, with
    features_only=True, turns the first dot of some into an underscore.

    Args:
        weights: of a backbone, by the names of the checkpoint.
        names: of the tensors of the backbone here.
    """
    names = set(names)
    named = {}
    for name, tensor in weights.items():
        wrapped = (name, TIMM + name, TIMM + name.replace('.', '_', 1))
        named[next((n for n in wrapped if n in names), name)] = tensor
    return named


def load_weights(module: nn.Module, weights: Dict[str, Tensor]) -> SlotReport:
    """Load what fits; leave the rest as it is.

    Tensors of another shape are left out after the module's own loading hooks, so that
    what resizes itself, as position embeddings do, is loaded.

    Args:
        module: changed in place.
        weights: by the names of the module.
    """
    with _leaving_out_other_shapes(module) as other_shape:
        missing, unused = module.load_state_dict(weights, strict=False)
    names = [name for name in module.state_dict() if not name.endswith(COUNTER)]
    missing = [n for n in names if n in missing and n not in other_shape]
    loaded = [n for n in names if n not in missing and n not in other_shape]
    sizes = {name: p.numel() for name, p in module.named_parameters()}
    return SlotReport(
        loaded=tuple(loaded),
        missing=tuple(missing),
        other_shape={n: s for n, s in other_shape.items() if n in names},
        unused=tuple(unused),
        parameters_loaded=sum(sizes.get(name, 0) for name in loaded),
        parameters=sum(sizes.values()),
    )


@contextmanager
def _leaving_out_other_shapes(module: nn.Module) -> Iterator[Dict[str, str]]:
    """Let `load_state_dict` ignore tensors of another shape; tell which these were."""
    told: Dict[str, str] = {}

    def _leave_out(part: nn.Module, state: dict, prefix: str, *_: object) -> None:
        for name, own in {**part._parameters, **part._buffers}.items():
            given = state.get(prefix + name)
            if own is not None and given is not None and given.shape != own.shape:
                told[prefix + name] = f'{tuple(given.shape)} for {tuple(own.shape)}'
                del state[prefix + name]

    parts = list(module.modules())
    handles = [part.register_load_state_dict_pre_hook(_leave_out) for part in parts]
    try:
        yield told
    finally:
        for handle in handles:
            handle.remove()


def first(names: Iterable[str], count: int = 3) -> str:
    """Return the first names as text, and how many more there are."""
    names = list(names)
    more = f' and {len(names) - count} more' if len(names) > count else ''
    return (', '.join(map(str, names[:count])) or 'nothing') + more
