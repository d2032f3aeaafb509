"""Matplotlib, where it is there."""


def import_pyplot() -> object:
    """Return matplotlib's pyplot, set to write files.

    Raises:
        ImportError: matplotlib is missing.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(
            'the picture is drawn by matplotlib: pip install matplotlib'
        ) from error
    matplotlib.use('Agg')
    from matplotlib import pyplot

    return pyplot
