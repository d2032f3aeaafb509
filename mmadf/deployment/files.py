"""What is read and what is written, looked at before the work."""

from pathlib import Path


def check_files(checkpoint: str, out: Path, suffix: str) -> None:
    """Find out before the work whether it can be read and written.

    Args:
        checkpoint: path, or an address that MMEngine's loader knows.
        out: file to write.
        suffix: what its name must end with.

    Raises:
        FileNotFoundError: the checkpoint, or the folder of `out`, is not there.
        ValueError: `out` is no name of such a file.
    """
    if '://' not in str(checkpoint) and not Path(checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {checkpoint}.')
    if out.suffix != suffix or out.is_dir():
        raise ValueError(f'out={out} must be the name of a file, *{suffix}.')
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f'there is no folder {out.parent} for {out.name}; create it.'
        )
