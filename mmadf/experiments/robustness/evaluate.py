"""Tests a network under conditions, batch by batch, and keeps every outcome."""

import time
from typing import Dict, Iterator, NamedTuple, Optional, Sequence
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from mmadf.utils.progress import import_tqdm

from .attacks import AttackPlan, art_classifier, attack
from .conditions import Condition
from .corruptions import corrupt
from .network import PixelNetwork
from .records import Outcome, Records


class Evaluation(NamedTuple):
    """What is tested, on what, and how.

    `network` on `images`, (N, 3, H, W), uint8, with `labels`, (N,); `source`, the
    network on which transferred attacks are made; `plan` of the attacks, whose batch
    size is used throughout; `seed` of attacks and corruptions; `device` of PyTorch.
    """

    network: PixelNetwork
    images: Tensor
    labels: Tensor
    plan: AttackPlan = AttackPlan()
    source: Optional[PixelNetwork] = None
    seed: int = 0
    device: str = 'cpu'


def evaluate(
    job: Evaluation, conditions: Sequence[Condition], records: Records
) -> Iterator[Condition]:
    """Test under each condition, show progress and remaining time, yield what is done.

    A batch whose outcome is in the records is not computed again. Each batch of each
    condition draws from a seed of its own, so that the outcome does not depend on what
    was computed before.

    Args:
        job: what to test.
        conditions: see `plan_conditions`.
        records: take the outcomes.

    Raises:
        ValueError: attacks made on the source cannot be shown to the network.
    """
    _check(job)
    size = job.plan.batch_size
    parts = [slice(i, i + size) for i in range(0, len(job.images), size)]
    todo = {
        condition: [i for i in range(len(parts)) if not records.done(condition.key, i)]
        for condition in conditions
    }
    total = len(conditions) * len(job.images)
    left = sum(len(job.labels[parts[i]]) for batches in todo.values() for i in batches)
    targets = _targets(job, conditions)
    progress = dict(total=total, initial=total - left, unit='image', smoothing=0)
    with import_tqdm()(**progress) as bar:
        for condition, batches in todo.items():
            bar.set_description(condition.key.strip('/'))
            for batch in batches:
                outcome = _test(job, condition, batch, parts[batch], targets)
                records.add(condition.key, batch, outcome)
                bar.update(len(outcome.correct))
            yield condition


def _check(job: Evaluation) -> None:
    if job.source is None:
        return
    own, other = (
        dict(classes=net.num_classes, bgr=net.reads_bgr)
        for net in (job.network, job.source)
    )
    if own != other:
        raise ValueError(
            f'the other network reads {other}, this one {own}; transfer attacks from a '
            'network of the same classes whose data preprocessor has the same to_rgb.'
        )


def _targets(job: Evaluation, conditions: Sequence[Condition]) -> Dict[str, object]:
    """Return what each kind of attack is made on."""
    networks = dict(attack=job.network, transfer=job.source)
    kinds = {condition.kind for condition in conditions} & set(networks)
    shape = tuple(job.images.shape[1:])
    return {
        kind: art_classifier(networks[kind], networks[kind].num_classes, shape)
        for kind in kinds
    }


def _test(
    job: Evaluation,
    condition: Condition,
    batch: int,
    part: slice,
    targets: Dict[str, object],
) -> Outcome:
    """Test one batch under one condition."""
    start = time.perf_counter()
    images, labels = job.images[part], job.labels[part]
    seed = batch_seed(job.seed, condition, batch)
    if condition.kind == 'corruption':
        name, severity = condition.name, int(condition.strength)
        images = corrupt(images, name, severity, seed, job.network.reads_bgr)
    pixels = images.to(job.device).float() / 255
    if condition.kind in targets:
        torch.manual_seed(seed)
        np.random.seed(seed)
        target, eps = targets[condition.kind], condition.strength / 255
        pixels = attack(target, condition.name, eps, pixels, labels, job.plan)
    return _outcome(job.network, pixels, labels, start)


def batch_seed(seed: int, condition: Condition, batch: int) -> int:
    """Return a seed of a batch's own, of 31 bits.

    Args:
        seed: of the whole.
        condition: of the batch.
        batch: its number.
    """
    return crc32(f'{seed} {condition.key} {batch}'.encode()) >> 1


@torch.no_grad()
def _outcome(
    network: PixelNetwork, pixels: Tensor, labels: Tensor, start: float
) -> Outcome:
    network.train(False)
    probabilities = network(pixels).float().softmax(1).cpu()
    confidence, predicted = probabilities.max(1)
    truth = torch.nn.functional.one_hot(labels, probabilities.shape[1])
    return Outcome(
        correct=predicted.eq(labels).int().tolist(),
        confidence=confidence.tolist(),
        brier=(probabilities - truth).square().sum(1).tolist(),
        seconds=time.perf_counter() - start,
    )
