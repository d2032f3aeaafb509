"""Model folders to the Hugging Face Hub."""

from pathlib import Path
from typing import Optional, Union

from mmadf.utils.optional import import_optional
from mmadf.weights.folder import CARD, CONFIG, WEIGHTS, folder_file, read_folder_weights


def push_to_hub(
    folder: Union[str, Path],
    repository: str,
    private: Optional[bool] = None,
    revision: Optional[str] = None,
    token: Union[str, bool, None] = None,
    message: str = 'Upload a model folder of mmadf',
) -> str:
    """Upload a model folder to the Hugging Face Hub.

    Complete the model card of the folder first, in particular its licence.

    Args:
        folder: folder that `save_pretrained` has written.
        repository: `user/name`; the repository is created if it does not exist.
        private: whether a new repository is private; None for the user's default.
        revision: existing branch to upload to; None for the default branch.
        token: access token; None for the one of `hf auth login`.
        message: message of the commit.

    Returns:
        The URL of the commit.

    Raises:
        FileNotFoundError: a file of the folder is missing.
        ImportError: huggingface_hub or safetensors is not installed.
        ValueError: it is not a model folder, or a file is damaged.
    """
    read_folder_weights(folder)
    folder_file(folder, CARD)
    api = import_optional('huggingface_hub').HfApi(token=token)
    api.create_repo(repository, private=private, exist_ok=True)
    commit = api.upload_folder(
        repo_id=repository,
        folder_path=Path(folder).expanduser(),
        revision=revision,
        commit_message=message,
        allow_patterns=[CARD, CONFIG, WEIGHTS],
    )
    return str(commit.commit_url)
