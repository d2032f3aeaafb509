"""Writing of model folders."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, Optional, Union

from mmengine.config import Config
from mmpretrain.registry import MODELS, TRANSFORMS
from torch import Tensor, nn

from mmadf.utils.command_line import check_writable
from mmadf.utils.optional import import_optional
from mmadf.version import __version__
from mmadf.weights.folder import CARD, CONFIG, FORMAT, LIBRARY, WEIGHTS
from mmadf.weights.load import fitting_names, test_dataset
from mmadf.weights.plain_config import check_plain, prediction_config, to_json

from .card import Origin, model_card
from .probe import Probe, compare

TOLERANCE = 1e-6


def check_folder(folder: Union[str, Path]) -> Path:
    """Return a folder to write to, before any work.

    Raises:
        FileNotFoundError: its parent does not exist.
        ImportError: safetensors is not installed.
        OSError: it cannot be written.
        ValueError: it contains files that are not those of a model folder.
    """
    import_optional('safetensors')
    folder = Path(folder).expanduser().resolve()
    if folder.is_file():
        raise ValueError(f'folder={str(folder)!r} is a file; give another name.')
    if not folder.parent.is_dir():
        raise FileNotFoundError(
            f'folder={str(folder)!r}: {folder.parent} does not exist; create it.'
        )
    check_writable(folder)
    foreign = [n for n in (WEIGHTS, CONFIG, CARD) if (folder / n).exists()]
    if foreign and not _is_ours(folder / CONFIG):
        raise ValueError(
            f'folder={str(folder)!r} contains {foreign[0]} and is not a model folder '
            'of mmadf; give another name.'
        )
    return folder


def _is_ours(config: Path) -> bool:
    try:
        return json.loads(config.read_bytes()).get('library_name') == LIBRARY
    except (OSError, ValueError, AttributeError):
        return False


def write_folder(
    network: nn.Module,
    folder: Path,
    origin: Origin,
    expected: Probe,
    tolerance: Optional[float] = None,
    log: Callable[[str], None] = lambda _: None,
) -> float:
    """Write a model folder if the network built from it returns the same logits.

    Args:
        network: the network as it is stored.
        folder: checked by `check_folder`.
        origin: its config, class names and training.
        expected: logits that the stored network returns.
        tolerance: largest accepted difference, relative to the largest logit; None for
            1e-6.
        log: is called with a line of text for each file.

    Returns:
        The largest difference of the logits, relative to the largest logit.

    Raises:
        ValueError: see `save_pretrained`.
        DeploymentError: the difference is above the tolerance.
    """
    content = folder_content(origin.cfg, origin.meta, expected.logits.shape[1])
    with TemporaryDirectory(dir=folder.parent, prefix='.folder-') as parent:
        draft = Path(parent) / folder.name
        draft.mkdir()
        # `save_file` would let nobody else read it, whatever the umask.
        weights = import_optional('safetensors.torch').save(
            _tensors(network), metadata=dict(format='pt')
        )
        (draft / WEIGHTS).write_bytes(weights)
        (draft / CONFIG).write_text(json.dumps(content, indent=2) + '\n')
        difference = compare(draft, expected, tolerance or TOLERANCE)
        card = model_card(folder.name, network, content, origin, expected)
        (draft / CARD).write_text(card, encoding='utf-8')
        _move(draft, folder, log)
    return difference


def _move(draft: Path, folder: Path, log: Callable[[str], None]) -> None:
    """Move the files of a folder, but keep a model card, which may be edited."""
    folder.mkdir(exist_ok=True)
    # The config first: without it, the others are not known as those of a model folder.
    for name in (CONFIG, WEIGHTS, CARD):
        if name == CARD and (folder / name).exists():
            log(f'kept {folder / name}')
            continue
        (draft / name).replace(folder / name)
        log(f'wrote {folder / name}')


def folder_content(cfg: Config, meta: dict, outputs: int) -> Dict[str, Any]:
    """Return the content of `config.json`.

    Args:
        cfg: config of the network.
        meta: `meta` of its checkpoint.
        outputs: number of logits; lists of class names of another length are skipped.

    Raises:
        ValueError: the config contains what a model folder cannot contain.
    """
    model = cfg.model.to_dict()
    if model.get('data_preprocessor') is None and cfg.get('data_preprocessor'):
        model['data_preprocessor'] = dict(cfg.data_preprocessor.to_dict())
    steps = [dict(step) for step in test_dataset(cfg).get('pipeline') or []]
    parts = dict(
        model=(prediction_config(model), MODELS),
        test_pipeline=(prediction_config(steps), TRANSFORMS),
    )
    for name, (part, registry) in parts.items():
        check_plain(part, name, registry)
    return dict(
        library_name=LIBRARY,
        format_version=FORMAT,
        mmadf_version=__version__,
        **{name: to_json(part) for name, (part, _) in parts.items()},
        classes=fitting_names(cfg, meta, outputs),
    )


def _tensors(network: nn.Module) -> Dict[str, Tensor]:
    """Return the state dict with memory of its own for each tensor."""
    state = network.state_dict()
    return {name: x.detach().cpu().contiguous().clone() for name, x in state.items()}
