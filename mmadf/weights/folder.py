"""Model folders: a network as safetensors and plain JSON, without code.

A folder contains `model.safetensors`, `config.json` with the network, its test pipeline
and its class names, and `README.md` for people. Nothing else in it is read.
"""

import json
from pathlib import Path
from typing import Any, Union

from mmengine.config import Config
from mmpretrain.registry import MODELS, TRANSFORMS

from mmadf.utils.images import EXTENSIONS
from mmadf.utils.messages import one_line
from mmadf.utils.optional import import_optional

from .plain_config import check_plain, from_json

WEIGHTS, CONFIG, CARD = 'model.safetensors', 'config.json', 'README.md'
LIBRARY, FORMAT = 'mmadf', 1
MAX_CONFIG = 2**20  # bytes; configs have some kilobytes
MAX_HEADER = 25 * 2**20  # bytes; a tensor takes some 100


def is_folder(path: Union[str, Path]) -> bool:
    """Return whether a path is an existing folder; `~` is expanded."""
    return Path(path).expanduser().is_dir()


def read_folder_config(folder: Union[str, Path]) -> Config:
    """Read the config of a model folder.

    Args:
        folder: path of the folder.

    Returns:
        A config for MMPretrain with `model` and with a `test_dataloader` that has the
        pipeline and the class names, but no images.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the config is damaged, of another format, or not plain data.
    """
    content = _read_content(folder)
    dataset = dict(
        type='CustomDataset',
        data_root='',
        extensions=EXTENSIONS,
        pipeline=content['test_pipeline'],
    )
    if content['classes']:
        dataset['metainfo'] = dict(classes=content['classes'])
    loader = dict(
        batch_size=32,
        num_workers=0,
        dataset=dataset,
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    return Config(
        dict(
            default_scope='mmpretrain',
            model=content['model'],
            test_dataloader=loader,
            test_evaluator=dict(type='Accuracy', topk=(1,)),
            test_cfg={},
            custom_hooks=[dict(type='mmadf.CheckDataHook')],
            visualizer=dict(
                type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')]
            ),
        )
    )


def read_folder_weights(folder: Union[str, Path]) -> dict:
    """Read the weights of a model folder.

    Args:
        folder: path of the folder.

    Returns:
        A checkpoint: `state_dict`, and `meta` with the class names.

    Raises:
        FileNotFoundError: a file is missing.
        ImportError: safetensors is not installed.
        ValueError: a file is damaged, or the config is not plain data.
    """
    classes = _read_content(folder)['classes']
    meta = dict(dataset_meta=dict(classes=classes)) if classes else {}
    weights = read_safetensors(folder_file(folder, WEIGHTS))
    return dict(state_dict=weights, meta=meta)


def read_safetensors(path: Union[str, Path]) -> dict:
    """Read the tensors of a `.safetensors` file, by their names.

    Raises:
        FileNotFoundError: the file does not exist.
        ImportError: safetensors is not installed.
        ValueError: the file is damaged, cut off or of another format.
    """
    load_file = import_optional('safetensors.torch').load_file
    path = Path(path).expanduser()
    with path.open('rb') as file:
        header = int.from_bytes(file.read(8), 'little')
    size = path.stat().st_size
    if not 0 < header <= min(size - 8, MAX_HEADER):
        raise ValueError(
            f'checkpoint={str(path)!r} cannot be read as safetensors: its header would '
            f'have {header} bytes, in a file of {size}; copy or download it again.'
        )
    try:
        return load_file(path)
    except Exception as error:  # of the library's own type
        raise ValueError(
            f'checkpoint={str(path)!r} cannot be read as safetensors: {error}'
        ) from error


def _read_content(folder: Union[str, Path]) -> dict:
    """Return the checked content of `config.json`."""
    path = folder_file(folder, CONFIG)
    try:
        content = _parse(path)
        _check_format(content)
        content = dict(
            model=from_json(content.get('model')),
            test_pipeline=from_json(content.get('test_pipeline') or []),
            classes=content.get('classes') or [],
        )
        _check_content(content)
    except (ValueError, RecursionError) as error:
        reason = one_line(error) if isinstance(error, RecursionError) else error
        raise ValueError(f'{str(path)!r}: {reason}') from error
    return content


def _parse(path: Path) -> Any:
    size = path.stat().st_size
    if size > MAX_CONFIG:
        raise ValueError(f'{size} bytes are more than a config has ({MAX_CONFIG}).')
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'not JSON ({error}).') from error


def _check_format(content: Any) -> None:
    """Refuse the configs of other libraries, and of other versions of the format."""
    if not isinstance(content, dict) or content.get('library_name') != LIBRARY:
        found = content.get('library_name') if isinstance(content, dict) else None
        raise ValueError(
            f'not the config of a model folder of mmadf (library_name={found!r}); such '
            'folders are written by mmadf.save_pretrained.'
        )
    if content.get('format_version') != FORMAT:
        raise ValueError(
            f'format_version={content.get("format_version")!r} is not {FORMAT}, which '
            f'this version reads; it was written by mmadf '
            f'{content.get("mmadf_version")!r}, use that version.'
        )


def _check_content(content: dict) -> None:
    """Check the parts of a config."""
    for name, kind in dict(model=dict, test_pipeline=list, classes=list).items():
        if not isinstance(content[name], kind):
            found = type(content[name]).__name__
            raise ValueError(f'{name} is of type {found}, not {kind.__name__}.')
    if not all(isinstance(name, str) for name in content['classes']):
        raise ValueError('classes must be a list of names.')
    check_plain(content['model'], 'model', MODELS)
    check_plain(content['test_pipeline'], 'test_pipeline', TRANSFORMS)


def folder_file(folder: Union[str, Path], name: str) -> Path:
    """Return the path of a file of a model folder, one of the three names above.

    Raises:
        FileNotFoundError: the file is missing.
    """
    path = Path(folder).expanduser() / name
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(folder)!r} has no {name}; a model folder contains {CONFIG}, '
            f'{WEIGHTS} and {CARD}, as mmadf.save_pretrained writes it.'
        )
    return path
