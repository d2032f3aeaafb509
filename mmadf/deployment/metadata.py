"""What a user of an exported file must know, inside the file."""

import json
from typing import Dict, List, Optional, Sequence, Tuple

from torch import Tensor

from mmadf.version import __version__

READERS = ('LoadImageFromFile', 'PackInputs')  # neither changes an image


def describe(
    images: Tensor,
    normalised: Optional[Tuple[str, List[float], List[float]]],
    classes: Optional[Sequence[str]],
    pipeline: Sequence[dict],
    preprocess: bool,
    output: str,
) -> Dict[str, str]:
    """Return the metadata of a file. What is not known is left out.

    Args:
        images: an input of the file.
        normalised: channel order, mean and std of what the network takes.
        classes: their names, in the order of the outputs.
        pipeline: the test pipeline, whose geometry the user of the file owes it.
        preprocess: whether the file swaps channels and normalises itself.
        output: 'logits' or 'probabilities'.

    Returns:
        Words as they are; lists as JSON.
    """
    layout = 'NHWC' if preprocess else 'NCHW'
    order, mean, std = normalised or (None, None, None)
    steps = [s for s in pipeline if str(s['type']).split('.')[-1] not in READERS]
    known = dict(
        classes=_json(classes),
        mean=_json(mean),
        std=_json(std),
        channel_order='RGB' if preprocess else order,
        input_size=_json([images.shape[layout.index(axis)] for axis in 'HW']),
        layout=layout,
        dtype=str(images.dtype).removeprefix('torch.'),
        normalisation='inside' if preprocess else 'outside',
        output=output,
        test_pipeline=_json(steps),
        mmadf_version=__version__,
    )
    return {key: value for key, value in known.items() if value is not None}


def _json(value: object) -> Optional[str]:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
