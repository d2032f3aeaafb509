"""Checks of the classes of data sets: their names and numbers."""

import re
from itertools import zip_longest
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

from mmengine.dataset import BaseDataset
from mmpretrain.models.heads import MultiLabelClsHead, MultiTaskHead
from torch import nn

from mmadf.utils.messages import first_names

SPLITS = ('train', 'val', 'valid', 'validation', 'test')


def class_names(metainfo: Optional[dict]) -> Optional[List[str]]:
    """Return class names, or None if there are none.

    Args:
        metainfo: `metainfo` of a data set, or `dataset_meta` of a checkpoint.
    """
    classes = (metainfo or {}).get('classes')
    return None if classes is None else [str(name) for name in classes]


def dataset_classes(dataset: BaseDataset) -> Optional[List[str]]:
    """Return the class names of a data set, or None if it has none."""
    return class_names(getattr(dataset, 'metainfo', None))


def inner_datasets(dataset: BaseDataset) -> Iterator[BaseDataset]:
    """Yield the data sets inside wrappers such as RepeatDataset and ConcatDataset."""
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    for part in inner:
        if part is None:
            yield dataset
        else:
            yield from inner_datasets(part)


def path_in_dataset(path: str, dataset: BaseDataset) -> Path:
    """Return the path of an image below the root of the data, or its name elsewhere.

    Args:
        path: path of the image.
        dataset: its data set, which may consist of several.
    """
    for part in inner_datasets(dataset):
        root = getattr(part, 'data_root', None)
        if root and Path(path).is_relative_to(root):
            return Path(path).relative_to(root)
    return Path(Path(path).name)


def check_classes(model: nn.Module, dataset: BaseDataset, split: str) -> None:
    """Compare the number of classes of a data set, if it is known, with every head's.

    The heads are the submodules of `model` that have 'head' in their name and define
    `num_classes`. A data preprocessor that converts labels to one-hot vectors, as for
    Mixup, is compared as well, and so are the ranks of a head's training accuracies.

    Raises:
        ValueError: the numbers differ, or there are fewer classes than the largest
            rank; the message names the field and the `split`.
    """
    classes = dataset_classes(dataset)
    if classes is None:
        return
    heads = {n: module for n, module in model.named_children() if 'head' in n}
    fields = {f'model.{name}': head for name, head in heads.items()}
    preprocessor = getattr(model, 'data_preprocessor', None)
    if getattr(preprocessor, 'to_onehot', False):
        fields['data_preprocessor'] = preprocessor
    for name, module in fields.items():
        num_classes = getattr(module, 'num_classes', None)
        if num_classes not in (None, len(classes)):
            raise ValueError(
                f'{name}.num_classes={num_classes}, but the {split} set has '
                f'{len(classes)} classes ({first_names(classes)}); set '
                f'{name}.num_classes={len(classes)}, or check data_root.'
            )
    for name, head in heads.items():
        if getattr(head, 'cal_acc', False) and max(head.topk) > len(classes):
            raise ValueError(
                f'model.{name}: topk={head.topk} with cal_acc=True needs at least '
                f'{max(head.topk)} classes, but the {split} set has {len(classes)}; '
                f'set model.{name}.topk=(1,).'
            )


def check_all_classes(model: nn.Module, datasets: Dict[str, BaseDataset]) -> None:
    """Compare the classes of data sets with each other and with those of the heads.

    Args:
        model: network, see `check_classes`.
        datasets: by split. All must have the class names of the first, and image
            folders its subfolders.

    Raises:
        ValueError: names, their order or their numbers differ.
    """
    first, dataset = next(iter(datasets.items()))
    names, folders = dataset_classes(dataset), class_folders(dataset)
    for split, dataset in datasets.items():
        check_names(dataset, split)
        check_classes(model, dataset, split)
        check_same_names(dataset_classes(dataset), names, split, f'the {first} set')
        check_same_names(class_folders(dataset), folders, split, f'the {first} set')


def check_single_label(model: nn.Module) -> None:
    """Refuse classifiers whose images do not have one label each.

    Raises:
        ValueError: the head predicts several labels per image, or several tasks.
    """
    head = getattr(model, 'head', None)
    if isinstance(head, (MultiLabelClsHead, MultiTaskHead)):
        raise ValueError(
            f'model.head={type(head).__name__} predicts more than one label per image, '
            'but this needs exactly one; use tools/test.py CONFIG CHECKPOINT.'
        )


def check_class_weights(model: nn.Module) -> None:
    """Compare the number of class weights of each loss with the classes of its head.

    Raises:
        ValueError: the numbers differ; the message names the head.
    """
    for name, head in model.named_modules():
        count = getattr(head, 'num_classes', None)
        if count is None:
            continue
        for loss in head.modules():  # LabelSmoothLoss contains the one with weights
            weights = getattr(loss, 'class_weight', None)
            if weights is not None and len(weights) != count:
                raise ValueError(
                    f'model.{name}.loss.class_weight={weights} must have one number '
                    f'per class, num_classes={count}, in the order of the classes.'
                )


def check_same_names(
    names: Optional[Sequence[str]],
    expected: Optional[Sequence[str]],
    split: str,
    other: str,
) -> None:
    """Compare the class names of a data set, and their order, with other names.

    Args:
        names: of the data set; None if unknown, and nothing is compared.
        expected: names that it should have; None if unknown.
        split: name of the data set, for the message.
        other: where the expected names come from, for the message.

    Raises:
        ValueError: the names differ; the message shows the first difference.
    """
    if names is None or expected is None:
        return
    for index, (name, wanted) in enumerate(zip_longest(names, expected)):
        if name != wanted:
            raise ValueError(
                f'class {index} of the {split} set is {_shown(name)}, but '
                f'{_shown(wanted)} in {other} ({len(names)} and {len(expected)} '
                'classes); give each class a folder of that name, empty if it has no '
                'images, or check data_root.'
            )


def _shown(name: Optional[str]) -> str:
    return 'missing' if name is None else repr(name)


def check_trained_names(
    dataset: BaseDataset, split: str, meta: dict, checkpoint: str
) -> None:
    """Compare the class names of a data set with those of the training.

    Args:
        dataset: data set to check.
        split: its name, for the message.
        meta: `meta` of the checkpoint; nothing is compared if it names no classes.
        checkpoint: name of the checkpoint, for the message.

    Raises:
        ValueError: the names differ; the message shows the first difference.
    """
    names = dataset_classes(dataset)
    expected = class_names(meta.get('dataset_meta'))
    check_same_names(names, expected, split, f'the checkpoint {checkpoint}')


def class_folders(dataset: BaseDataset) -> Optional[List[str]]:
    """Return the subfolders of an image folder, or None for other data sets."""
    folders = getattr(next(inner_datasets(dataset)), 'folder_to_idx', None)
    return None if folders is None else list(folders)


def check_names(dataset: BaseDataset, split: str) -> None:
    """Compare the class names of an image folder with the names of its subfolders.

    MMPretrain numbers subfolders alphabetically and compares only their number with the
    class names that a config may give. Here the names are compared regardless of case,
    spaces, hyphens and underscores. Names that share nothing with the subfolders, such
    as words for the identifiers of ImageNet, are accepted; see `describe_renamed`.

    Raises:
        ValueError: some subfolders are classes, but others are not or come in another
            order; all subfolders are splits, such as train and val; a subfolder is
            hidden; or a name is empty or contains a line break.
    """
    for part in inner_datasets(dataset):
        names = dataset_classes(part) or []
        unusable = [name for name in names if name.splitlines() != [name]]
        if unusable:
            raise ValueError(
                f'the class name {unusable[0]!r} of the {split} set is empty or has a '
                'line break; rename the folder.'
            )
        folders = class_folders(part) or ()
        if folders and set(folders) <= set(SPLITS):
            raise ValueError(
                f'the {split} set reads {part.img_prefix}, whose folders '
                f'({first_names(folders)}) are splits, not classes; set data_root to '
                'the folder of one split.'
            )
        if hidden := [folder for folder in folders if folder.startswith('.')]:
            raise ValueError(
                f'the {split} set reads {part.img_prefix}, whose hidden folders '
                f'({first_names(hidden)}) would be classes; delete or rename them.'
            )
        folders, names = _plain(folders), _plain(names)
        if set(folders) & set(names):
            other = f'the class names of the config, for {part.img_prefix}'
            check_same_names(folders, names, split, other)


def describe_renamed(dataset: BaseDataset) -> str:
    """Describe which class each subfolder of an image folder is, if none is named so.

    Args:
        dataset: data set that has passed `check_names`.

    Returns:
        A clause without a full stop; '' if the names are the same or belong to the type
        of the data set, as those of ImageNet.
    """
    folders = class_folders(dataset)
    names = dataset_classes(dataset) or []
    if (
        not folders
        or dataset.METAINFO.get('classes')
        or _plain(folders) == _plain(names)
    ):
        return ''
    pairs = (f'{folder} is {name}' for folder, name in zip(folders, names, strict=True))
    return (
        f'no folder of {dataset.img_prefix} is named after a class: '
        f'{first_names(pairs)}'
    )


def _plain(names: Sequence[str]) -> List[str]:
    """Return names in lower case, with spaces for hyphens and underscores."""
    return [re.sub(r'[\s_-]+', ' ', name.casefold()) for name in names]
