"""Tests a network under each condition, batch by batch, and records every outcome."""

import time
from typing import Dict, Iterator, NamedTuple, Optional, Sequence
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmadf.utils.optional import import_optional

from .attacks import AttackOptions, art_classifier, attack
from .conditions import Condition
from .corruptions import MIN_SIZE, corrupt
from .network import PixelNetwork
from .records import Outcome, Records


class Evaluation(NamedTuple):
    """What is tested, and how.

    `network` is tested on `images`, uint8, (N, 3, H, W), with `labels`, (N,).
    Transfer attacks are crafted on `source`. `seed` is that of attacks and corruptions.
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
        ImportError: ART is not installed.
        ValueError: the images are too small for corruptions, or the source of transfer
            attacks reads other images than the network under test.
    """
    targets = _targets(evaluation, conditions)
    parts = torch.arange(len(evaluation.images)).split(evaluation.options.batch_size)
    todo = [
        (condition, [i for i in range(len(parts)) if not records.has(condition.key, i)])
        for condition in conditions
    ]
    total = len(conditions) * len(evaluation.images)
    left = sum(len(parts[batch]) for _, batches in todo for batch in batches)
    bar = import_optional('tqdm').tqdm(
        total=total, initial=total - left, unit='image', smoothing=0
    )

    def _run() -> Iterator[Condition]:
        with bar:
            for condition, batches in todo:
                bar.set_description(condition.key.strip('/'))
                for batch in batches:
                    seed = batch_seed(evaluation.seed, condition, batch)
                    outcome = _test(evaluation, condition, parts[batch], seed, targets)
                    records.add(condition.key, batch, outcome)
                    bar.update(len(parts[batch]))
                yield condition

    return _run()


def batch_seed(seed: int, condition: Condition, batch: int) -> int:
    """Return the random seed of one batch, in 31 bits.

    Args:
        seed: seed of the evaluation.
        condition: condition of the batch.
        batch: index of the batch.
    """
    return crc32(f'{seed} {condition.key} {batch}'.encode()) >> 1


def _targets(
    evaluation: Evaluation, conditions: Sequence[Condition]
) -> Dict[str, object]:
    """Check the inputs; return what white-box and transfer attacks are crafted on."""
    kinds = {condition.kind for condition in conditions}
    _, *shape = evaluation.images.shape
    if 'corruption' in kinds and min(shape[1:]) < MIN_SIZE:
        raise ValueError(
            f'image size {shape[1:]}: corruptions require at least {MIN_SIZE}x'
            f'{MIN_SIZE} pixels; pass --corruptions none.'
        )
    networks = dict(attack=evaluation.network, transfer=evaluation.source)
    networks = {kind: network for kind, network in networks.items() if network}
    reads = {
        kind: dict(classes=network.num_classes, bgr=network.reads_bgr)
        for kind, network in networks.items()
    }
    if reads.get('transfer', reads['attack']) != reads['attack']:
        raise ValueError(
            f'transfer: the source network has {reads["transfer"]}, the tested one '
            f'{reads["attack"]}; use a source with the same classes and to_rgb.'
        )
    return {
        kind: art_classifier(network, network.num_classes, tuple(shape))
        for kind, network in networks.items()
        if kind in kinds
    }


def _test(
    evaluation: Evaluation,
    condition: Condition,
    part: Tensor,
    seed: int,
    targets: Dict[str, object],
) -> Outcome:
    """Test one batch, whose indices are `part`, under one condition."""
    start = time.perf_counter()
    network, options = evaluation.network, evaluation.options
    images, labels = evaluation.images[part], evaluation.labels[part]
    if condition.kind == 'corruption':
        severity = int(condition.strength)
        images = corrupt(images, condition.name, severity, seed, network.reads_bgr)
    pixels = images.to(evaluation.device).float() / 255
    if condition.kind in targets:
        torch.manual_seed(seed)
        np.random.seed(seed)
        target, eps = targets[condition.kind], condition.strength / 255
        pixels = attack(target, condition.name, eps, pixels, labels, options)
    with torch.no_grad():
        probabilities = network(pixels).float().softmax(1).cpu()
    confidence, predicted = probabilities.max(1)
    truth = F.one_hot(labels, probabilities.shape[1])
    return Outcome(
        correct=predicted.eq(labels).int().tolist(),
        confidence=confidence.tolist(),
        brier=(probabilities - truth).square().sum(1).tolist(),
        seconds=time.perf_counter() - start,
    )
