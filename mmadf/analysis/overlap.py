"""Both branches of ADF at once on a GPU, to see whether that pays."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from mmadf.models import ADFClassifier


class OverlappedADF(ADFClassifier):
    """`ADFClassifier` whose appearance branch runs on a second stream of the GPU.

    Ours. The branches are independent up to the first fusion; from there on the
    semantic branch waits for those appearance maps that it takes, and no others. Values
    are those of `ADFClassifier`. On a CPU nothing runs at the same time.
    """

    def appearance_maps(self, inputs: Tensor, last: int) -> Sequence[Tensor]:
        """Return the maps of the appearance stages from 0 to `last`, still being made.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            last: last stage that runs; -1 for none.
        """
        device = torch.get_device_module(inputs.device)
        side = side_stream(inputs.device)
        side.wait_stream(device.current_stream())
        made = []

        def _note(stage: int, x: Tensor) -> Tensor:
            made.append(side.record_event())
            return x

        with device.stream(side):
            maps = self.appearance_stages.maps(
                self.appearance_backbone, inputs, last, _note
            )
        return AwaitedMaps(maps, made, device)


class AwaitedMaps(Sequence):
    """Maps of another stream: who takes one waits until it is made.

    Args:
        maps: of the stages from 0 on.
        made: for each, the event behind it on its stream.
        device: module of the device, as `torch.cuda`.
    """

    def __init__(
        self, maps: Sequence[Tensor], made: Sequence[Any], device: Any
    ) -> None:
        self.maps, self.made, self.device = maps, made, device

    def __len__(self) -> int:
        """Return the number of stages."""
        return len(self.maps)

    def __getitem__(self, stage: int) -> Tensor:
        """Return the map of a stage."""
        self.device.current_stream().wait_event(self.made[stage])
        return self.maps[stage]


@lru_cache
def side_stream(device: torch.device) -> Any:
    """Return the one stream beside the current one: memory is kept for each stream."""
    return torch.get_device_module(device).Stream()
