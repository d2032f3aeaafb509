"""tqdm, where it is there."""


def import_tqdm() -> type:
    """Return tqdm's progress bar.

    Raises:
        ImportError: tqdm is missing.
    """
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError('the progress bar needs tqdm: pip install tqdm') from error
    return tqdm
