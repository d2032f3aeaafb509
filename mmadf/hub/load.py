"""Networks from model folders."""

import re
from pathlib import Path
from typing import Optional, Union

from torch import nn

from mmadf.utils.messages import join_lines, one_line
from mmadf.utils.optional import import_optional
from mmadf.weights.folder import CARD, CONFIG, WEIGHTS, is_folder
from mmadf.weights.load import load_network, read_config

REPOSITORY = re.compile(r'[\w-][\w.-]*/[\w-][\w.-]*', re.ASCII)


def from_pretrained(
    folder: Union[str, Path],
    device: str = 'cpu',
    revision: Optional[str] = None,
    token: Union[str, bool, None] = None,
) -> nn.Module:
    """Load a network from a model folder; no code in the folder is run.

    The network is in evaluation mode, and MMPretrain's inferencer predicts with the
    preprocessing and the class names of the folder:

    .. code-block:: python

        network = mmadf.from_pretrained('FOLDER')
        result = ImageClassificationInferencer(network)('cat.jpg')[0]
        result['pred_class'], result['pred_score']

    `network(images)` returns the logits, (N, K), of preprocessed images, (N, 3, H, W).

    Args:
        folder: path of a folder that `save_pretrained` or `tools/model_converters/
            deploy.py` has written, or `user/name` of a repository on the Hugging Face
            Hub.
        device: device of the network.
        revision: branch, tag or commit of the repository; None for its default branch.
        token: access token of the Hub for private repositories; see huggingface_hub.

    Returns:
        The network, of the class that the folder names.

    Raises:
        FileNotFoundError: the folder, or a file in it, does not exist.
        ImportError: safetensors, or for the Hub huggingface_hub, is not installed.
        ValueError: the folder is damaged, of another library or version, describes
            components other than those of mmadf, MMPretrain, MMEngine and MMCV, or its
            tensors do not fit the network.
    """
    if not is_folder(folder):
        folder = download(str(folder), revision, token)
    cfg = read_config(str(folder))
    try:
        network, _ = load_network(cfg, str(folder), device)
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:  # depends on the component that does not fit
        raise ValueError(
            f'folder={str(folder)!r}: its network cannot be built: {one_line(error)}'
        ) from error
    return network


def download(
    repository: str,
    revision: Optional[str] = None,
    token: Union[str, bool, None] = None,
) -> str:
    """Download a model folder from the Hugging Face Hub and return its path.

    Args:
        repository: `user/name`.
        revision: see `from_pretrained`.
        token: see `from_pretrained`.

    Raises:
        FileNotFoundError: there is neither such a folder nor such a repository.
        ImportError: huggingface_hub is not installed.
    """
    if not REPOSITORY.fullmatch(repository):
        raise FileNotFoundError(
            f'folder={repository!r} does not exist; give the path of a model folder, '
            'or user/name on the Hugging Face Hub.'
        )
    hub = import_optional('huggingface_hub')
    try:
        return hub.snapshot_download(
            repository,
            revision=revision,
            token=token,
            allow_patterns=[CARD, CONFIG, WEIGHTS],
        )
    except Exception as error:  # many types: no network, no access, no such repository
        reason = join_lines(error)[:300]
        raise FileNotFoundError(
            f'folder={repository!r} is neither a folder nor a repository that can be '
            f'downloaded from the Hugging Face Hub: {reason}'
        ) from error
