"""Tests a network under each condition, batch by batch, and records every outcome."""

import time
from typing import Dict, Iterator, NamedTuple, Optional, Sequence
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmadf.utils.progress import import_tqdm

from .attacks import AttackOptions, art_classifier, attack
from .conditions import Condition
from .corruptions import check_size, corrupt
from .network import PixelNetwork
from .records import Outcome, Records


class Evaluation(NamedTuple):
    """What is tested, and how.

    `network` is tested on `images`, uint8, (N, 3, H, W), with `labels`, (N,), in batches
    of the size in `options`. Transfer attacks are crafted on `source`. `seed` is that of
    attacks and corruptions.
    """

    network: PixelNetwork
    images: Tensor
    labels: Tensor
    options: AttackOptions = AttackOptions()
    source: Optional[PixelNetwork] = None
    seed: int = 0
    device: str = 'cpu'


def evaluate(
    evaluation: Evaluation, conditions: Sequence[Condition], records: Records
) -> Iterator[Condition]:
    """Test under each condition, with a progress bar; yield each that is complete.

    Batches with a recorded outcome are skipped. Each batch of each condition has a
    random seed of its own, so that its outcome does not depend on what ran before.

    Args:
        evaluation: what to test.
        conditions: see `plan_conditions`.
        records: receives the outcomes.

    Raises:
        ImportError: a package for the conditions is not installed.
        ValueError: the images are too small, or the two networks read different inputs.
    """
    if any(condition.kind == 'corruption' for condition in conditions):
        check_size(evaluation.images)
    targets = _attack_targets(evaluation, conditions)
    return _evaluate(evaluation, conditions, records, targets)


def batch_seed(seed: int, condition: Condition, batch: int) -> int:
    """Return the random seed of one batch, in 31 bits.

    Args:
        seed: seed of the whole test.
        condition: condition of the batch.
        batch: index of the batch.
    """
    return crc32(f'{seed} {condition.key} {batch}'.encode()) >> 1


def _attack_targets(
    evaluation: Evaluation, conditions: Sequence[Condition]
) -> Dict[str, object]:
    """Return the classifier that each kind of attack is crafted on."""
    own, other = evaluation.network, evaluation.source
    networks = dict(attack=own) if other is None else dict(attack=own, transfer=other)
    reads = [
        dict(classes=network.num_classes, bgr=network.reads_bgr)
        for network in networks.values()
    ]
    if reads[0] != reads[-1]:
        raise ValueError(
            f'transfer: the source network has {reads[-1]}, the network under test '
            f'{reads[0]}; both must have the same number of classes and the same to_rgb.'
        )
    shape = tuple(evaluation.images.shape[1:])
    kinds = {condition.kind for condition in conditions}
    return {
        kind: art_classifier(network, network.num_classes, shape)
        for kind, network in networks.items()
        if kind in kinds
    }


def _evaluate(
    evaluation: Evaluation,
    conditions: Sequence[Condition],
    records: Records,
    targets: Dict[str, object],
) -> Iterator[Condition]:
    size, count = evaluation.options.batch_size, len(evaluation.images)
    parts = [slice(start, start + size) for start in range(0, count, size)]
    missing = {
        condition: [i for i in range(len(parts)) if not records.has(condition.key, i)]
        for condition in conditions
    }
    left = sum(
        len(evaluation.labels[parts[i]])
        for batches in missing.values()
        for i in batches
    )
    total = len(conditions) * count
    progress = dict(total=total, initial=total - left, unit='image', smoothing=0)
    with import_tqdm()(**progress) as bar:
        for condition, batches in missing.items():
            bar.set_description(condition.key.strip('/'))
            for batch in batches:
                seed = batch_seed(evaluation.seed, condition, batch)
                outcome = _test(evaluation, condition, parts[batch], seed, targets)
                records.add(condition.key, batch, outcome)
                bar.update(len(outcome.correct))
            yield condition


def _test(
    evaluation: Evaluation,
    condition: Condition,
    part: slice,
    seed: int,
    targets: Dict[str, object],
) -> Outcome:
    """Test one batch under one condition."""
    start = time.perf_counter()
    network, options = evaluation.network, evaluation.options
    images, labels = evaluation.images[part], evaluation.labels[part]
    if condition.kind == 'corruption':
        severity = int(condition.strength)
        images = corrupt(images, condition.name, severity, seed, network.reads_bgr)
    pixels = images.to(evaluation.device).float() / 255
    if condition.kind in ('attack', 'transfer'):
        torch.manual_seed(seed)
        np.random.seed(seed)
        target, eps = targets[condition.kind], condition.strength / 255
        pixels = attack(target, condition.name, eps, pixels, labels, options)
    return _outcome(network, pixels, labels, start)


@torch.no_grad()
def _outcome(
    network: PixelNetwork, pixels: Tensor, labels: Tensor, start: float
) -> Outcome:
    network.eval()  # ART switches modes
    probabilities = network(pixels).float().softmax(1).cpu()
    confidence, predicted = probabilities.max(1)
    truth = F.one_hot(labels, probabilities.shape[1])
    return Outcome(
        correct=predicted.eq(labels).int().tolist(),
        confidence=confidence.tolist(),
        brier=(probabilities - truth).square().sum(1).tolist(),
        seconds=time.perf_counter() - start,
    )
