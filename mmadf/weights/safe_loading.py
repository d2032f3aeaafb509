"""Reading of checkpoints and YAML files as data, which runs no code in them.

`torch.load` reads tensors and types of an allow-list only, unless the user opts out
with PyTorch's environment variable `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1`. Some loaders
of the host bypass this check. `protect_host` applies it to all of them, so that it also
holds for `mmpretrain.get_model` and the Inferencers.
"""

import os
import re
from argparse import Namespace
from functools import partial
from pickle import UnpicklingError
from typing import Any, Callable, Optional, Union

import numpy as np
import torch
import yaml
from mmengine.config import ConfigDict
from mmengine.fileio import register_handler
from mmengine.fileio.handlers import YamlHandler
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.registry import registry as host_registry
from mmengine.runner import checkpoint as host
from mmengine.utils import get_object_from_string

from mmadf.utils.messages import one_line

from .checkpoint import check_whole_file
from .folder import is_folder, read_folder_weights, read_safetensors

OPT_OUT = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
# Methods that MMEngine stores in checkpoints, as calls of `getattr`.
METHODS = {
    HistoryBuffer: {'min', 'max', 'mean', 'current'},
    OneCycleParamScheduler: {'_annealing_cos', '_annealing_linear'},
}
# Booleans, integers, floating-point numbers, complex numbers and text.
DTYPES = '?bBhHiIlLqQefdFDSU'

_load_by_host = host.CheckpointLoader.load_checkpoint


def protect_host() -> None:
    """Let the host read checkpoints and YAML files as data only."""
    allow_own_checkpoints()
    # A fork of MMEngine repeats a refused load without the check, and downloads were
    # never checked. Both now follow the default of `torch.load`.
    host._safe_torch_load = torch.load
    host.load_url = partial(torch.hub.load_state_dict_from_url, weights_only=None)
    host.CheckpointLoader.load_checkpoint = staticmethod(load_checkpoint)
    register_handler(['yaml', 'yml'])(PlainYamlHandler)
    # The host imports whatever module has the name of an unknown type, without using
    # it. Names of classes, which contain dots, are still imported.
    host_registry.get_object_from_string = _import_dotted


def _import_dotted(name: str) -> Any:
    """Return the object of a dotted name; MMEngine's `get_object_from_string`."""
    return get_object_from_string(name) if '.' in name else None


def load_checkpoint(
    filename: str,
    map_location: Union[str, Callable, None] = None,
    logger: Optional[str] = 'current',
) -> Any:
    """Load a checkpoint of tensors and allowed types; MMEngine's CheckpointLoader.

    Args:
        filename: path or URL, or path of a model folder or a `.safetensors` file.
        map_location: see `torch.load`.
        logger: logger of MMEngine that reports the file.

    Returns:
        The content. The text of a config in `meta['config']` is removed, since the host
        would run it as Python code when a training is resumed.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged, is no checkpoint, or contains other types.
    """
    if is_folder(filename):
        return read_folder_weights(filename)
    if str(filename).endswith('.safetensors') and '://' not in str(filename):
        return dict(state_dict=read_safetensors(filename))
    if os.path.isfile(os.path.expanduser(filename)):
        check_whole_file(filename)
    try:
        content = _load_by_host(filename, map_location, logger)
    except (FileNotFoundError, ImportError):
        raise
    except Exception as error:  # depends on what the file is instead
        raise ValueError(_refusal(filename, error)) from error
    if isinstance(content, dict) and isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


def _refusal(filename: str, error: Exception) -> str:
    """Return why a checkpoint cannot be loaded, as one line."""
    if not isinstance(error, UnpicklingError):
        reason = one_line(error)[:600]
        return f'checkpoint={filename!r} cannot be read as a checkpoint: {reason}'
    error = error.__context__ or error  # without the advice that torch.load adds
    named = re.search(r'GLOBAL (\S+) (?:was not|whose)', str(error))
    found = f'{named[1]}, which is' if named else f'something ({error}) that is'
    return (
        f'checkpoint={filename!r} contains {found} neither a tensor nor of an allowed '
        'type and could run code; if you trust the file, for instance because you '
        f'wrote it, set {OPT_OUT}=1.'
    )


def allow_own_checkpoints() -> None:
    """Let `torch.load(weights_only=True)` read the checkpoints of MMEngine's Runner.

    In addition to weights they contain log buffers, schedules, NumPy arrays and nested
    `metainfo` of data sets, and those of timm the arguments of its scripts. The types
    are added to PyTorch's allow-list, under their module names in NumPy 1 and 2, so
    that checkpoints can be exchanged between both.
    """
    types = [*METHODS, ConfigDict, Namespace, np.ndarray, np.dtype]
    types += [type(np.dtype(code)) for code in DTYPES]
    # With names, since the forks and timm remove the bare types after a load.
    allowed = [(kind, f'{kind.__module__}.{kind.__qualname__}') for kind in types]
    allowed.append((_stored_method, 'builtins.getattr'))
    for module in ('numpy._core.multiarray', 'numpy.core.multiarray'):
        allowed += [
            (np.empty(0).__reduce__()[0], f'{module}._reconstruct'),
            (np.float64(0).__reduce__()[0], f'{module}.scalar'),
        ]
    torch.serialization.add_safe_globals(allowed)


def _stored_method(owner: type, name: str) -> Callable:
    """Replace `getattr` in checkpoints, for the methods that MMEngine stores."""
    if name not in METHODS.get(owner, ()):
        raise UnpicklingError(f'{owner}.{name} is not allowed in a checkpoint')
    return getattr(owner, name)


class PlainLoader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
    """Loader of YAML that refuses tags, except that of tuples in dumped configs."""

    def read_tuple(self, node: yaml.Node) -> tuple:
        """Return a tuple, which MMEngine writes with a tag of its own."""
        return tuple(self.construct_sequence(node, deep=True))

    def refuse(self, node: yaml.Node) -> None:
        """Raise for any other tag."""
        raise yaml.constructor.ConstructorError(
            problem=f'the tag {node.tag} is refused, since it could run code; write '
            'plain values',
            problem_mark=node.start_mark,
        )


PlainLoader.add_constructor('tag:yaml.org,2002:python/tuple', PlainLoader.read_tuple)
PlainLoader.add_constructor(None, PlainLoader.refuse)


class PlainYamlHandler(YamlHandler):
    """Handler of MMEngine for `.yaml` and `.yml` files, which refuses other tags."""

    def load_from_fileobj(self, file: Any, **kwargs) -> Any:
        """Return the content of an open file."""
        kwargs.setdefault('Loader', PlainLoader)
        return super().load_from_fileobj(file, **kwargs)
