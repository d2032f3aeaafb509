"""Reading of weights from a file, and loading of those that fit a module."""

from pathlib import Path
from typing import Dict, NamedTuple, Tuple, Union
from zipfile import ZipFile

from mmengine.runner import CheckpointLoader
from torch import Tensor, nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from mmadf.utils.messages import first_names, one_line

# Batch norm's counter of batches, which old checkpoints lack, does not count as loaded.
COUNTER = 'num_batches_tracked'
# How files start that PyTorch wrote before version 1.6.
PICKLE = b'\x80'


class LoadReport(NamedTuple):
    """Names of the tensors that `load_matching` loaded, and of all others."""

    loaded: Tuple[str, ...]
    missing: Tuple[str, ...]  # not in the checkpoint, left as initialised
    mismatched: Dict[str, str]  # of another shape, left as initialised: both shapes
    unused: Tuple[str, ...]  # in the checkpoint but not in the module


def read_checkpoint(checkpoint: str) -> Tuple[Dict[str, Tensor], dict]:
    """Read the weights of a network from a file.

    Args:
        checkpoint: path, or URL that MMEngine's CheckpointLoader supports, of a
            checkpoint, see `weights_of`; or path of a model folder or of a
            `.safetensors` file.

    Returns:
        The state dict, without the prefix `module.` of parallel training, and `meta`.

    Raises:
        FileNotFoundError: if the file does not exist.
        ImportError: if safetensors is needed and not installed.
        ValueError: if the file is damaged or not a checkpoint, contains anything but
            tensors and allowed types, or has no weights.
    """
    if '://' in checkpoint and checkpoint.endswith('.safetensors'):
        raise ValueError(
            f'checkpoint={checkpoint!r}: safetensors are read from local files only; '
            'download it.'
        )
    content = CheckpointLoader.load_checkpoint(
        checkpoint, map_location='cpu', logger='silent'
    )
    weights = weights_of(content, checkpoint)
    return weights, content.get('meta') or {}


def weights_of(content: object, checkpoint: str) -> Dict[str, Tensor]:
    """Return the state dict in the content of a checkpoint.

    Args:
        content: a state dict, alone or as `state_dict` (MMPretrain) or `model` (timm)
            beside other content.
        checkpoint: name of the file, for messages.

    Returns:
        The state dict, without the prefix `module.` of parallel training.

    Raises:
        ValueError: if there are no weights.
    """
    content = content if isinstance(content, dict) else {}
    nested = [content[key] for key in ('state_dict', 'model') if key in content]
    state = next((x for x in nested if isinstance(x, dict)), content)
    if not any(isinstance(tensor, Tensor) for tensor in state.values()):
        raise ValueError(
            f'checkpoint={checkpoint!r} has no weights ({first_names(content)}); give '
            'a state dict, alone or as `state_dict` or `model`.'
        )
    consume_prefix_in_state_dict_if_present(state, 'module.')
    return state


def check_whole_file(path: Union[str, Path]) -> None:
    """Check that a checkpoint file is whole, by the checksums that PyTorch stores.

    Finds files that were cut off, overwritten in part or changed in a single bit. The
    tensors are read but not loaded, which takes less than 0.1 s for 100 MB.

    Args:
        path: path of a file. Files that PyTorch wrote before version 1.6, and
            `.safetensors`, have no checksums and are only recognised.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged, or not a checkpoint.
    """
    path = Path(path).expanduser()
    with path.open('rb') as file:
        start = file.read(9)
    if start[:1] == PICKLE or path.suffix == '.safetensors' and start[8:] == b'{':
        return
    try:
        with ZipFile(path) as archive:
            damaged = archive.testzip()
    except Exception as error:  # depends on what is damaged
        damaged = one_line(error)
    if damaged:
        raise ValueError(
            f'checkpoint={str(path)!r} is damaged or cut off ({damaged}); use '
            'another checkpoint, or copy this one again.'
        )


def load_matching(module: nn.Module, weights: Dict[str, Tensor]) -> LoadReport:
    """Load the weights that fit a module and leave its other tensors unchanged.

    Shapes are compared after the module's own loading hooks, so that tensors that the
    module resizes itself, such as position embeddings, are loaded.

    Args:
        module: changed in place.
        weights: by their names in the module.
    """
    mismatched = {}

    def _skip_mismatches(part: nn.Module, state: dict, prefix: str, *_: object) -> None:
        for name, own in {**part._parameters, **part._buffers}.items():
            given = state.get(prefix + name)
            if own is not None and given is not None and given.shape != own.shape:
                shapes = f'{tuple(given.shape)} for {tuple(own.shape)}'
                mismatched[prefix + name] = shapes
                del state[prefix + name]

    hooks = [
        part.register_load_state_dict_pre_hook(_skip_mismatches)
        for part in module.modules()
    ]
    try:
        missing, unused = module.load_state_dict(weights, strict=False)
    finally:
        for hook in hooks:
            hook.remove()
    names = [name for name in module.state_dict() if not name.endswith(COUNTER)]
    return LoadReport(
        loaded=tuple(n for n in names if n not in missing),
        missing=tuple(n for n in names if n in missing and n not in mismatched),
        mismatched=mismatched,
        unused=tuple(unused),
    )
