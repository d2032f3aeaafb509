"""The network that is exported: a classifier, with what was asked for around it."""

from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

import torch
from mmengine.config import Config
from mmpretrain.models.heads import MultiLabelClsHead
from torch import Tensor, nn

from mmadf.weights.load import class_names, known_names, test_dataset

from .images import ImageView, RawImages, normalisation, random_pictures, view_through
from .metadata import describe


class ExportError(RuntimeError):
    """A network that cannot be exported, or whose file computes something else."""


class Logits(nn.Module):
    """A classifier as a function of one tensor.

    Args:
        classifier: any of MMPretrain's, in evaluation mode.
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, (N, K), of preprocessed images, (N, C, H, W)."""
        return self.classifier(images, mode='tensor')


class Subject(NamedTuple):
    """What is exported, and what is known of it."""

    network: nn.Module
    pictures: Callable[[int], Tensor]  # inputs, for a number of images
    facts: Dict[str, str]  # metadata


def prepare(
    model: nn.Module,
    cfg: Config,
    meta: dict,
    size: Optional[Tuple[int, int]],
    preprocess: bool,
    probabilities: bool,
    log: Callable[[str], None],
) -> Subject:
    """Put together the network, a source of its inputs, and its metadata.

    Args:
        model: the classifier, in evaluation mode.
        cfg: its config.
        meta: of its checkpoint.
        size: height and width of the images, None for those of the test pipeline.
        preprocess: whether the network starts from RGB pixels.
        probabilities: whether it ends with softmax.
        log: takes a line for what is not known.

    Raises:
        ValueError: what was asked for does not fit the network.
        ExportError: the network does not give scores of classes.
    """
    pipeline = test_dataset(cfg).get('pipeline') or []
    view = view_through(pipeline)
    size = _size(size, view)
    normalised = normalisation(model.data_preprocessor, view)
    if normalised is None:
        log(f'mean and std are not known: {view.remark or "other preprocessor"}')
    first = _first(model, view, normalised is not None, preprocess)
    last = _last(model, probabilities)
    network = nn.Sequential(*first, Logits(model), *last).eval()

    def pictures(count: int) -> Tensor:
        """Return random inputs of the network."""
        pixels = random_pictures(count, view.channels, size, seed=count)
        if preprocess:
            return pixels.permute(0, 2, 3, 1).contiguous()
        return model.data_preprocessor(dict(inputs=pixels))['inputs']

    classes = _classes(cfg, meta, _count_outputs(network, pictures(2)), log)
    output = 'probabilities' if probabilities else 'logits'
    facts = describe(pictures(1), normalised, classes, pipeline, preprocess, output)
    return Subject(network, pictures, facts)


def _classes(
    cfg: Config, meta: dict, outputs: int, log: Callable[[str], None]
) -> Optional[List[str]]:
    """Return the names of the classes, None where none are known that fit."""
    known = [len(names) for names in known_names(cfg, meta)]
    if outputs in known:
        return class_names(cfg, meta, outputs)
    if known:
        log(f'left out {known[0]} class names: the network has {outputs} outputs')
    return None


def _size(size: Optional[Tuple[int, int]], view: ImageView) -> Tuple[int, int]:
    size = size or view.size
    if size is None or min(size) < 1:
        raise ValueError(
            f'export: size={size} is no size of an image '
            f'({view.remark or "it must be positive"}); give --size HEIGHT WIDTH.'
        )
    return size


def _first(
    model: nn.Module, view: ImageView, known: bool, preprocess: bool
) -> Tuple[nn.Module, ...]:
    """Return what comes before the classifier."""
    if not preprocess:
        return ()
    if not known:
        raise ValueError(
            'export: preprocess=True needs colour images that are normalised by '
            "MMPretrain's ClsDataPreprocessor and by nothing else "
            f'({view.remark or "not so here"}); leave it out.'
        )
    return (RawImages(model.data_preprocessor, view.order),)


def _last(model: nn.Module, probabilities: bool) -> Tuple[nn.Module, ...]:
    """Return what comes behind the classifier."""
    if probabilities and isinstance(getattr(model, 'head', None), MultiLabelClsHead):
        raise ValueError(
            'export: probabilities=True is the softmax of exclusive classes, and this '
            'network gives several labels to an image; leave it out.'
        )
    return (nn.Softmax(dim=1),) if probabilities else ()


@torch.no_grad()
def _count_outputs(network: nn.Module, images: Tensor) -> int:
    """Run the network once; return the number of its classes."""
    try:
        scores = network(images)
    except Exception as error:  # a network may raise anything
        raise ExportError(
            f'export: the network does not take images of {tuple(images.shape)}: '
            f'{type(error).__name__}: {error}'
        ) from error
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        found = tuple(getattr(scores, 'shape', ())) or type(scores).__name__
        raise ExportError(
            f'export: the network gives {found} instead of scores, (N, K); only '
            'classifiers of one task, with a head, can be exported.'
        )
    return scores.shape[1]
