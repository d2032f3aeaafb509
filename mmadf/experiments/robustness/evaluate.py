"""Tests a network under each condition, batch by batch, and records every outcome."""

import time
from typing import Iterator, Optional, Sequence
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmadf.utils.optional import import_optional

from .attacks import AttackOptions, art_classifier, attack
from .conditions import Condition
from .corruptions import MIN_SIZE, corrupt
from .network import PixelNetwork, count_classes
from .records import Outcome, Records


class Evaluation:
    """A test of one network under several conditions.

    Args:
        network: network to test.
        images: test images, uint8, (N, 3, H, W).
        labels: their labels, (N,).
        conditions: see `plan_conditions`.
        options: effort of the attacks, and the batch size.
        source: network on which transfer attacks are crafted.
        seed: random seed of attacks and corruptions.
        device: device of the networks.

    Raises:
        ImportError: ART is not installed.
        ValueError: the images are too small for corruptions, or the source of transfer
            attacks reads other images than the network under test.
    """

    def __init__(
        self,
        network: PixelNetwork,
        images: Tensor,
        labels: Tensor,
        conditions: Sequence[Condition],
        options: AttackOptions,
        source: Optional[PixelNetwork] = None,
        seed: int = 0,
        device: str = 'cpu',
    ) -> None:
        kinds = {condition.kind for condition in conditions}
        size = images.shape[2:]
        if 'corruption' in kinds and min(size) < MIN_SIZE:
            raise ValueError(
                f'image size {tuple(size)}: corruptions require at least {MIN_SIZE}x'
                f'{MIN_SIZE} pixels; pass --corruptions none.'
            )
        if source is not None:
            _check_source(source, network, images.shape[1:])
        self.network, self.conditions, self.options = network, conditions, options
        self.images, self.labels = images, labels
        self.seed, self.device = seed, device
        # What white-box and transfer attacks are crafted on.
        self.targets = {
            kind: art_classifier(target, images.shape[1:])
            for kind, target in dict(attack=network, transfer=source).items()
            if kind in kinds
        }

    def run(self, records: Records) -> Iterator[Condition]:
        """Test under each condition, with a progress bar; yield each that is complete.

        Batches with a recorded outcome are skipped. Each batch of each condition has a
        random seed of its own, so that its outcome does not depend on what ran before.

        Args:
            records: receives the outcomes.
        """
        batches = torch.arange(len(self.images)).split(self.options.batch_size)
        bar = import_optional('tqdm').tqdm(
            total=len(self.conditions) * len(self.images),
            initial=sum(
                len(batches[index])
                for condition, index in records.outcomes
                if condition in self.conditions
            ),
            unit='image',
            smoothing=0,
        )
        with bar:
            for condition in self.conditions:
                bar.set_description(str(condition).strip('/'))
                for index, batch in enumerate(batches):
                    if (condition, index) in records.outcomes:
                        continue
                    seed = batch_seed(self.seed, condition, index)
                    records.add(condition, index, self._test(condition, batch, seed))
                    bar.update(len(batch))
                yield condition

    def _test(self, condition: Condition, batch: Tensor, seed: int) -> Outcome:
        """Test under one condition on the images with the indices `batch`."""
        start = time.perf_counter()
        images, labels = self.images[batch], self.labels[batch]
        if condition.kind == 'corruption':
            severity, bgr = int(condition.strength), self.network.reads_bgr
            images = corrupt(images, condition.name, severity, seed, bgr)
        pixels = images.to(self.device).float() / 255
        if condition.kind in self.targets:
            torch.manual_seed(seed)
            np.random.seed(seed)
            target, eps = self.targets[condition.kind], condition.strength / 255
            pixels = attack(target, condition.name, eps, pixels, labels, self.options)
        with torch.no_grad():
            probabilities = self.network(pixels).float().softmax(1).cpu()
        confidence, predicted = probabilities.max(1)
        truth = F.one_hot(labels, probabilities.shape[1])
        return Outcome(
            correct=predicted.eq(labels).int().tolist(),
            confidence=confidence.tolist(),
            brier=(probabilities - truth).square().sum(1).tolist(),
            seconds=time.perf_counter() - start,
        )


def batch_seed(seed: int, condition: Condition, batch: int) -> int:
    """Return the random seed of one batch, in 31 bits.

    Args:
        seed: seed of the evaluation.
        condition: condition of the batch.
        batch: index of the batch.
    """
    return crc32(f'{seed} {condition} {batch}'.encode()) >> 1


def _check_source(
    source: PixelNetwork, network: PixelNetwork, shape: Sequence[int]
) -> None:
    """Refuse transfer attacks between networks that read different images."""
    of_source, of_network = (
        dict(classes=count_classes(reader, shape), bgr=reader.reads_bgr)
        for reader in (source, network)
    )
    if of_source != of_network:
        raise ValueError(
            f'transfer: the source network has {of_source}, the tested one '
            f'{of_network}; use a source with the same classes, whose test pipeline '
            'yields the channels in the same order.'
        )
