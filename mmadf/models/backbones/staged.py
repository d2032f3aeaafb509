"""A backbone that is a row of stages and returns the maps of chosen ones."""

from typing import Optional, Sequence, Tuple

from mmengine.model import BaseModule
from torch import Tensor, nn


class StagedBackbone(BaseModule):
    """Run stages one after another.

    Stages behind the last one that is asked for are dropped, so that no parameter
    is left without gradient.

    Args:
        stages: the stages, each a module from map to map.
        out_indices: stages whose maps are returned, counted from 0, ascending.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ValueError: a stage that does not exist, twice or out of order.
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        out_indices: Sequence[int],
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        if not out_indices or list(out_indices) != sorted(
            set(out_indices) & set(range(len(stages)))
        ):
            raise ValueError(
                f'{type(self).__name__}: out_indices={out_indices} must name stages '
                f'from 0 to {len(stages) - 1}, ascending, each once.'
            )
        self.out_indices = tuple(out_indices)
        self.stages = nn.ModuleList(stages[: self.out_indices[-1] + 1])

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        """Map (N, C, H, W) to one map for each of `out_indices`."""
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)
