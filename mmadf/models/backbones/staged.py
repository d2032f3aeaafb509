"""A backbone that is a sequence of stages."""

from typing import Optional, Sequence, Tuple

from mmengine.model import BaseModule
from torch import Tensor, nn


class StagedBackbone(BaseModule):
    """Run stages one after another and return the outputs of some of them.

    Stages after the last one in `out_indices` are dropped, so that every parameter
    gets a gradient.

    Args:
        stages: modules from feature map to feature map.
        out_indices: stages whose outputs are returned, from 0, ascending.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ValueError: if `out_indices` is empty, not ascending, or names a stage that
            does not exist.
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        out_indices: Sequence[int],
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        ascending = [i for i in range(len(stages)) if i in out_indices]
        if not ascending or list(out_indices) != ascending:
            raise ValueError(
                f'{type(self).__name__}: out_indices={out_indices} must name stages '
                f'from 0 to {len(stages) - 1}, ascending.'
            )
        self.out_indices = tuple(out_indices)
        self.stages = nn.ModuleList(stages[: self.out_indices[-1] + 1])

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        """Return one feature map for each of `out_indices`; x is (N, C, H, W)."""
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)
