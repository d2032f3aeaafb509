"""Configs of networks as plain data: what may be built from a file without code.

MMEngine imports a `type` that is not registered as a dotted name, and many components
read files or download weights. A plain config has registered types of the libraries
below, numbers and short names, so that building it runs no code of others.
"""

import re
from typing import Any

from mmengine.registry import Registry
from mmpretrain.registry import MODELS

# Where the types of a network and of its test pipeline may be defined.
MODULES = (
    *('mmadf.models.', 'mmengine.model.base_model.', 'mmengine.utils.dl_utils.'),
    *('mmcv.cnn.bricks.', 'torch.nn.modules.', 'mmpretrain.models.backbones.'),
    *('mmpretrain.models.classifiers.', 'mmpretrain.models.heads.'),
    *('mmpretrain.models.losses.', 'mmpretrain.models.necks.'),
    'mmpretrain.models.utils.',
    *('mmcv.transforms.loading.', 'mmcv.transforms.processing.'),
    'mmpretrain.datasets.transforms.formatting.',
    'mmpretrain.datasets.transforms.processing.',
)
SCOPES = ('mmadf', 'mmpretrain')
# These read files, download, or look up functions by name.
EXCLUDED = ('HuggingFaceClassifier', 'VQAGenerationHead', 'Albumentations', 'Albu')
TORCHVISION = tuple(
    f'torchvision/{name}'
    for name in ('CenterCrop', 'Normalize', 'Pad', 'PILToTensor', 'Resize', 'ToTensor')
)
# Arguments for training or for reading files, which may only be empty.
EMPTY = (
    *('init_cfg', 'train_cfg', 'batch_augments', 'pretrained', 'pretrained_branches'),
    *('checkpoint', 'checkpoint_path', 'backend_args', 'file_client_args'),
)
# Arguments whose values may contain dots, and are never names to import.
DOTTED = ('arch', 'model_name', 'include', 'exclude')
NUMBERS = re.compile(r'\d+/\d+', re.ASCII)  # an `arch` of ConvMixer
TUPLE = 'tuple'  # JSON has lists only: a tuple is stored as {"tuple": [...]}
MAX_DEPTH = 40


def check_plain(value: Any, where: str, registry: Registry = MODELS) -> None:
    """Check that a part of a config is plain data with trusted types.

    Args:
        value: the part: a dict, list, tuple, number, text or None.
        where: its name, for messages, such as 'model.head'.
        registry: registry of MMPretrain from which its types are built.

    Raises:
        ValueError: a type that is unknown or not trusted, an argument that names a file
            or an object, or a value of another kind; the message names its place.
    """
    if where.count('.') + where.count('[') > MAX_DEPTH:
        raise ValueError(f'{where[:60]}... is nested more than {MAX_DEPTH} levels.')
    if isinstance(value, dict):
        for name, item in value.items():
            _check_field(name, item, where, registry)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            check_plain(item, f'{where}[{index}]', registry)
    elif isinstance(value, str):
        _check_text(value, where)
    elif not isinstance(value, (bool, int, float, type(None))):
        raise ValueError(
            f'{where} is of type {type(value).__name__}; only numbers, text, lists and '
            'dicts can be stored in a model folder.'
        )


def _check_field(name: Any, item: Any, where: str, registry: Registry) -> None:
    """Check one argument of a component."""
    field = f'{where}.{name}'
    if not isinstance(name, str) or name.startswith('_') or '.' in name:
        raise ValueError(f'{where} has the key {name!r}, which is not an argument.')
    if name == 'type':
        if trusted_type(item, registry) is None:
            raise ValueError(
                f'{field}={str(item)[:80]!r} is not one of the components of mmadf, '
                'MMPretrain, MMEngine or MMCV that a model folder may contain.'
            )
    elif name in EMPTY:
        if item:
            raise ValueError(
                f'{field}={str(item)[:80]!r}: a model folder contains no settings for '
                'training or for reading other files; remove it.'
            )
    elif name in DOTTED and isinstance(item, (str, list, tuple)):
        check_plain(_without_dots(item), field, registry)
    else:
        check_plain(item, field, registry)


def _without_dots(value: Any) -> Any:
    """Return text, or a list that may contain text, without its dots."""
    if isinstance(value, (list, tuple)):
        return [_without_dots(item) for item in value]
    return value.replace('.', '') if isinstance(value, str) else value


def _check_text(text: str, where: str) -> None:
    is_path = any(character in text for character in './\\:')
    if len(text) > 200 or is_path and not NUMBERS.fullmatch(text):
        raise ValueError(
            f'{where}={text[:80]!r} may be a path, a URL or the name of an object; a '
            'model folder contains plain names only.'
        )


def trusted_type(name: Any, registry: Registry = MODELS) -> Any:
    """Return the component that a config may build under this name, or None.

    Args:
        name: name in the registry or its parent, alone or with the scope of a library,
            as in `mmadf.Mapper`.
        registry: registry of MMPretrain.
    """
    if not isinstance(name, str):
        return None
    scope, _, bare = name.rpartition('.')
    own = dict.fromkeys(('', *SCOPES), (registry, registry.parent))
    found = {}
    for level in {**own, 'mmengine': (registry.parent,)}.get(scope, ()):
        level.import_from_location()
        found = {**level.module_dict, **found}
    kind = found.get(bare)
    return kind if kind is not None and _is_trusted(bare, kind) else None


def _is_trusted(name: str, kind: Any) -> bool:
    module = f'{getattr(kind, "__module__", "")}.'
    return name in TORCHVISION or (name not in EXCLUDED and module.startswith(MODULES))


def to_json(value: Any) -> Any:
    """Return a part of a config as JSON stores it: tuples marked, types by name."""
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return {TUPLE: [to_json(item) for item in value]}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return getattr(value, '__name__', value) if isinstance(value, type) else value


def from_json(value: Any) -> Any:
    """Return a part of a config that `to_json` has stored."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if list(value) == [TUPLE] and isinstance(value[TUPLE], list):
        return tuple(from_json(item) for item in value[TUPLE])
    return {name: from_json(item) for name, item in value.items()}


def prediction_config(value: Any) -> Any:
    """Return the config of a network without what its predictions do not need.

    These are the arguments in `EMPTY`, and the `_scope_` of configs inherited from
    `mmadf::` or `mmpretrain::`, whose names are those of MMPretrain's scope. Types that
    are given with their module, as `mmpretrain.models.ResNet`, keep their name alone.
    """
    if isinstance(value, dict):
        own = value.get('_scope_') in SCOPES
        return {
            name: _bare(item) if name == 'type' else prediction_config(item)
            for name, item in value.items()
            if name not in EMPTY and not (own and name == '_scope_')
        }
    if isinstance(value, (list, tuple)):
        return type(value)(prediction_config(item) for item in value)
    return value


def _bare(kind: Any) -> Any:
    """Return a type without its module; `scope.Name` stays."""
    is_dotted = isinstance(kind, str) and kind.count('.') > 1
    return kind.rpartition('.')[2] if is_dotted else kind
