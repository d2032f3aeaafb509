"""A backbone as a row of stages, so that maps can be fused between them."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from torch import Tensor, nn

FAMILIES: Dict[str, Callable[[nn.Module], 'Stages']] = {}


class Stages:
    """How the backbones of a family run, stage by stage, from map to map.

    It holds names, no modules: the backbone is passed to each call. A family whose
    stages are no plain rows of modules overrides the methods.

    Args:
        names: for each stage, the modules that run in it, in their order; the stem
            belongs to the first stage.
        classifier: what classifies inside the backbone, behind its stages, which is
            left out: a phrase on it for errors, empty for none.
    """

    def __init__(self, names: Sequence[Sequence[str]], classifier: str = '') -> None:
        self.names = tuple(tuple(row) for row in names)
        self.classifier = classifier

    def __len__(self) -> int:
        return len(self.names)

    def run(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Run one stage.

        Args:
            backbone: a backbone of the family.
            stage: which stage, >= 0.
            x: images for stage 0, else the map of the stage before, (N, C, H, W).

        Returns:
            The map of the stage, (N, C', H', W').
        """
        for name in self.names[stage]:
            x = backbone.get_submodule(name)(x)
        return x

    def maps(
        self,
        backbone: nn.Module,
        x: Tensor,
        last: int,
        fuse: Optional[Callable[[int, Tensor], Tensor]] = None,
    ) -> List[Tensor]:
        """Run the stages from 0 to `last` one after another.

        Args:
            backbone: a backbone of the family.
            x: images, (N, 3, H, W).
            last: last stage that runs; -1 for none.
            fuse: changes the map of a stage, given the stage and the map, before the
                next stage and the caller see it.

        Returns:
            The maps of the stages.
        """
        maps = []
        for stage in range(last + 1):
            x = self.run(backbone, stage, x)
            if fuse is not None:
                x = fuse(stage, x)
            maps.append(x)
        return maps

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Turn the map of a stage into what the backbone returns for it."""
        return x

    def output_names(self, stage: int) -> Tuple[str, ...]:
        """Return the modules that only `output` uses."""
        return ()

    def asked(self, backbone: nn.Module) -> List[int]:
        """Return the stages whose maps the backbone returns, ascending.

        They are its `out_indices`; the last stage where it has none.

        Raises:
            ValueError: one of them is no stage.
        """
        asked = getattr(backbone, 'out_indices', None)
        return self.counted((-1,) if asked is None else asked, len(self), backbone)

    def counted(
        self, indices: Sequence[int], count: int, backbone: nn.Module
    ) -> List[int]:
        """Return `indices` ascending, those below 0 counted from the end of `count`.

        Raises:
            ValueError: not from -count to count - 1, or no stage that is known here.
        """
        stages = sorted({i + count if i < 0 else i for i in indices})
        if not stages or stages[0] < 0 or stages[-1] >= len(self):
            inside = self.classifier and f' Its {self.classifier} is left out here.'
            raise ValueError(
                f'{type(backbone).__name__}: out_indices={tuple(indices)} must name '
                f'stages from 0 to {len(self) - 1}.{inside}'
            )
        return stages

    def used(self, last: int, outputs: Sequence[int] = ()) -> List[str]:
        """Return the modules of stages 0 to `last`, and those that give `outputs`."""
        rows = [*self.names[: last + 1], *map(self.output_names, outputs)]
        return [name for row in rows for name in row]


def family(*backbones: Union[type, str]) -> Callable:
    """Register how a family runs: decorates a function from backbone to `Stages`.

    .. code-block:: python

        @family(MyBackbone)
        def my_stages(backbone):
            return Stages([('stem', 'stage1'), ('stage2',)])

    Args:
        backbones: the classes that define the `forward` which is cut here, or their
            full names, as 'timm.models.xception.Xception'.
    """

    def _register(cut: Callable[[nn.Module], Stages]) -> Callable:
        FAMILIES.update((_full_name(backbone), cut) for backbone in backbones)
        return cut

    return _register


def stages_of(backbone: nn.Module) -> Stages:
    """Return how a backbone runs, stage by stage.

    A class belongs to the family from which it has its `forward`: a subclass with a
    forward pass of its own is another family.

    Raises:
        ValueError: the family has no entry.
    """
    owner = next(cls for cls in type(backbone).__mro__ if 'forward' in vars(cls))
    if _full_name(owner) not in FAMILIES:
        known = ', '.join(sorted(name.rpartition('.')[2] for name in FAMILIES))
        raise ValueError(
            f'no stages are known of backbone {_full_name(owner)}, so nothing can be '
            f'fused inside it; take one of {known}, or describe its stages with '
            'mmadf.models.stages.family.'
        )
    return FAMILIES[_full_name(owner)](backbone)


def _full_name(backbone: Union[type, str]) -> str:
    if isinstance(backbone, str):
        return backbone
    return f'{backbone.__module__}.{backbone.__qualname__}'
