"""A backbone as a sequence of stages, between which feature maps can be fused."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from torch import Tensor, nn

FAMILIES: Dict[str, Callable[[nn.Module], 'Stages']] = {}


class Stages:
    """How the backbones of one family run, stage by stage.

    It holds names of modules, not modules; the backbone is passed to each call. A
    family whose stages are not plain sequences of modules overrides the methods.

    Args:
        names: for each stage, the names of the modules that run in it, in order. The
            stem belongs to the first stage.
        classifier: for error messages, the backbone's built-in classifier and how to
            remove it; it is not part of any stage. Empty if there is none.

    Raises:
        TypeError: a stage is a string, as if the comma in ('stem',) were left out.
    """

    def __init__(self, names: Sequence[Sequence[str]], classifier: str = '') -> None:
        if strings := [stage for stage in names if isinstance(stage, str)]:
            raise TypeError(
                f'Stages: the stage {strings[0]!r} must be a list of names of modules; '
                f'write [{strings[0]!r}].'
            )
        self.names = tuple(tuple(stage) for stage in names)
        self.classifier = classifier

    def __len__(self) -> int:
        return len(self.names)

    def check_names(self, backbone: nn.Module) -> None:
        """Require that a backbone has the modules of its stages.

        Args:
            backbone: a whole backbone of the family.

        Raises:
            ValueError: a name that is none of its modules.
        """
        known = dict(backbone.named_modules(remove_duplicate=False))
        for stage, names in enumerate(self.names):
            if missing := [name for name in names if name not in known]:
                children = [name for name, _ in backbone.named_children()]
                raise ValueError(
                    f'Stages: stage {stage} of {type(backbone).__name__} names '
                    f'{missing[0]!r}, which is none of its modules; it has {children} '
                    'and what is in them. Correct the function that `family` registers.'
                )

    def run(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Run one stage.

        Args:
            backbone: a backbone of the family.
            stage: index of the stage, >= 0.
            x: images for stage 0, otherwise the feature map of the previous stage,
                (N, C, H, W).

        Returns:
            The feature map of the stage, (N, C', H', W').
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
        """Run the stages from 0 to `last`.

        Args:
            backbone: a backbone of the family.
            x: images, (N, 3, H, W).
            last: index of the last stage to run; -1 for none.
            fuse: takes the index of a stage and its feature map, and returns the
                feature map that the next stage and the caller get instead.

        Returns:
            The feature map of each stage.
        """
        maps = []
        for stage in range(last + 1):
            x = self.run(backbone, stage, x)
            if fuse is not None:
                x = fuse(stage, x)
            maps.append(x)
        return maps

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """Return what the backbone returns for the feature map `x` of a stage."""
        return x

    def output_names(self, stage: int) -> Tuple[str, ...]:
        """Return the names of the modules that only `output` uses."""
        return ()

    def out_stages(self, backbone: nn.Module) -> List[int]:
        """Return the stages whose feature maps the backbone returns, ascending.

        These are its `out_indices`, or the last stage if it has none.

        Raises:
            ValueError: if one of them is not a stage.
        """
        indices = getattr(backbone, 'out_indices', None)
        indices = (-1,) if indices is None else indices
        return self.resolve_indices(indices, len(self), backbone)

    def resolve_indices(
        self, indices: Sequence[int], count: int, backbone: nn.Module
    ) -> List[int]:
        """Return stage indices as non-negative numbers, ascending.

        Args:
            indices: stages; negative numbers count from the end, as in a list.
            count: number of stages that negative numbers refer to.
            backbone: named in the error.

        Raises:
            ValueError: if there are none, or one of them is not a stage.
        """
        stages = sorted({i + count if i < 0 else i for i in indices})
        if not stages or stages[0] < 0 or stages[-1] >= len(self):
            hint = self.classifier and f' Its {self.classifier} is not a stage.'
            raise ValueError(
                f'{type(backbone).__name__}: out_indices={tuple(indices)} must name '
                f'stages from 0 to {len(self) - 1}.{hint}'
            )
        return stages

    def used(self, last: int, outputs: Sequence[int] = ()) -> List[str]:
        """Return the names of the modules that some stages use.

        Args:
            last: stages from 0 to this one run.
            outputs: stages for which `output` is called.
        """
        names = [*self.names[: last + 1], *map(self.output_names, outputs)]
        return [name for stage in names for name in stage]


def family(*backbones: Union[type, str]) -> Callable:
    """Register a family of backbones; decorates a function from backbone to `Stages`.

    .. code-block:: python

        @family(MyBackbone)
        def my_stages(backbone):
            return Stages([('stem', 'stage1'), ('stage2',)])

    Args:
        backbones: the classes that define the `forward` described by the stages, or
            their full names, such as 'timm.models.xception.Xception'.
    """

    def _register(describe: Callable[[nn.Module], Stages]) -> Callable:
        FAMILIES.update((full_name(backbone), describe) for backbone in backbones)
        return describe

    return _register


def stages_of(backbone: nn.Module) -> Stages:
    """Return the stages of a backbone.

    A backbone belongs to the family of the class that defines its `forward`, so that
    a subclass with its own forward pass is another family.

    Raises:
        ValueError: if the family is not registered.
    """
    owner = next(cls for cls in type(backbone).__mro__ if 'forward' in vars(cls))
    if full_name(owner) not in FAMILIES:
        names = (name for name in FAMILIES if not name.startswith('timm.'))
        known = ', '.join(sorted({name.rpartition('.')[2] for name in names}))
        raise ValueError(
            f'backbone {full_name(owner)} has no registered stages, so that nothing '
            f'can be fused inside it; use one of {known}, or register its stages with '
            'mmadf.models.stages.family.'
        )
    return FAMILIES[full_name(owner)](backbone)


def full_name(backbone: Union[type, str]) -> str:
    """Return module and name of a class; a string is returned unchanged."""
    if isinstance(backbone, str):
        return backbone
    return f'{backbone.__module__}.{backbone.__qualname__}'
