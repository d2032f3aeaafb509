"""Progress bars."""


def import_tqdm() -> type:
    """Return the progress bar of tqdm, an optional dependency.

    Raises:
        ImportError: tqdm is not installed.
    """
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError('progress bars need tqdm: pip install tqdm') from error
    return tqdm
