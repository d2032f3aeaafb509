"""One branch of an ADF network: a backbone cut into stages, a neck and a head."""

from copy import deepcopy
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

from torch import Tensor, nn

from mmadf.models.stages import Stages, stages_of
from mmadf.models.stages.shapes import run_without_data, usable_size
from mmadf.models.surgery import trim
from mmadf.registry import MODELS
from mmadf.utils.messages import one_line

from .checks import check_branch, check_in_channels

Features = Tuple[Tensor, ...]


class Branch(NamedTuple):
    """A view of the modules of one branch, and how its backbone is cut into stages.

    The network owns the modules; a branch is made whenever it is needed, so that it
    always shows the modules that the network has at that moment.

    Args:
        backbone: runs stage by stage, as `stages` describes.
        neck: takes and returns a tuple of features, or None.
        head: takes a tuple of features and returns logits, or None.
        stages: how the backbone is cut into stages.
        out_stages: stages whose feature maps the branch returns, ascending; empty if
            only mappers read the branch.
    """

    backbone: nn.Module
    neck: Optional[nn.Module]
    head: Optional[nn.Module]
    stages: Stages
    out_stages: Sequence[int]

    def maps(
        self,
        inputs: Tensor,
        last: Optional[int] = None,
        fuse: Optional[Callable[[int, Tensor], Tensor]] = None,
    ) -> List[Tensor]:
        """Return the feature maps of the stages from 0 to `last`.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            last: last stage to run, -1 for none; by default the last one that the
                branch returns.
            fuse: maps a stage index and its feature map to the feature map that the
                next stage takes; None for no fusion.
        """
        last = self.last_stage() if last is None else last
        return self.stages.maps(self.backbone, inputs, last, fuse)

    def last_stage(self, read: int = -1) -> int:
        """Return the last stage that must run.

        Args:
            read: last stage whose feature map a mapper reads, -1 for none.
        """
        return max((read, *self.out_stages))

    def outputs(self, maps: Sequence[Tensor]) -> Features:
        """Return what the branch returns for the feature maps of its stages."""
        return tuple(
            self.stages.output(self.backbone, i, maps[i]) for i in self.out_stages
        )

    def head_inputs(self, maps: Sequence[Tensor]) -> Features:
        """Return what the head takes: the outputs of the backbone after the neck."""
        outputs = self.outputs(maps)
        return outputs if self.neck is None else self.neck(outputs)

    def features(
        self, maps: Sequence[Tensor], stage: str = 'neck'
    ) -> Union[Tensor, Features]:
        """Return what MMPretrain calls the features of a stage.

        Args:
            maps: feature maps of the stages.
            stage: 'backbone', 'neck' or 'pre_logits'.
        """
        if stage == 'backbone':
            return self.outputs(maps)
        features = self.head_inputs(maps)
        return features if stage == 'neck' else self.head.pre_logits(features)

    def logits(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the logits of the head, (N, num_classes)."""
        return self.head(self.head_inputs(maps))

    def drop_unread(self, read: int = -1) -> None:
        """Drop the stages that need not run, and what else nothing uses.

        Args:
            read: last stage whose feature map a mapper reads, -1 for none.
        """
        last = self.last_stage(read)
        trim(self.backbone, self.stages.used(last, self.out_stages))


def cut_branch(
    backbone: nn.Module,
    neck: Optional[nn.Module] = None,
    head: Optional[nn.Module] = None,
) -> Branch:
    """Return the branch of built modules.

    Raises:
        ValueError: the backbone belongs to no known family or does not have the modules
            of its stages, or the branch has a head and does not give logits.
    """
    stages = stages_of(backbone)
    stages.check_names(backbone)
    if head is not None:
        check_branch(backbone, neck, head, stages)
    return Branch(backbone, neck, head, stages, stages.out_stages(backbone))


def build_appearance(semantic: dict, changes: dict) -> Branch:
    """Build the appearance branch from configs.

    Args:
        semantic: configs of backbone, neck and head of the semantic branch. With
            head=None only mappers read the appearance branch, so that it gets neither
            neck nor head.
        changes: those that differ. With a backbone or a neck and no head, the semantic
            head's config is used with `in_channels` of the features that it takes here.

    Raises:
        ValueError: an unknown backbone, modules that do not fit, or a branch that does
            not give logits.
    """
    slots = deepcopy({**semantic, **changes})
    backbone = MODELS.build(slots['backbone'])
    if semantic['head'] is None:
        return cut_branch(backbone)._replace(out_stages=())
    neck = None if slots['neck'] is None else MODELS.build(slots['neck'])
    if 'head' not in changes:
        if 'backbone' in changes:
            check_in_channels(slots['head'])
            slots['head']['in_channels'] = infer_channels(backbone, neck)
        elif 'neck' in changes and 'in_channels' in slots['head']:
            # Some necks take feature maps of one size only, and know their channels.
            known = getattr(neck, 'out_channels', None)
            slots['head']['in_channels'] = known or infer_channels(backbone, neck)
    return cut_branch(backbone, neck, MODELS.build(slots['head']))


def infer_channels(backbone: nn.Module, neck: Optional[nn.Module]) -> int:
    """Return the number of channels of what a head takes, without computing anything.

    Raises:
        ValueError: backbone and neck do not fit, or do not run without data.
    """
    branch = cut_branch(backbone, neck)
    parts = [part for part in (backbone, neck) if part is not None]
    network = nn.ModuleList(parts)

    def _features(_: nn.Module, x: Tensor) -> Features:
        return branch.head_inputs(branch.maps(x))

    try:
        size = usable_size(network, _features)
        return run_without_data(network, _features, size)[-1].shape[1]
    except Exception as error:
        names = ' and '.join(type(part).__name__ for part in parts)
        raise ValueError(
            f'ADFClassifier: appearance has no head, and in_channels cannot be '
            f'inferred from {names} ({one_line(error)}); give '
            'appearance a neck that fits its backbone, and a head.'
        ) from error
