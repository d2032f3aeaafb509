"""ADF as a backbone: two backbones and the mappers, for any head of any library."""

from functools import partial
from typing import Iterator, List, Optional, Sequence, Tuple, Union

from mmengine.model import BaseModule
from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import Tensor, nn

from mmadf.models.classifiers.branch import Branch, cut_branch
from mmadf.models.classifiers.checks import check_options
from mmadf.models.classifiers.deployed import check_weights, cut_appearance
from mmadf.models.classifiers.reparameterised import check_reparameterised
from mmadf.models.classifiers.wiring import connect
from mmadf.registry import MODELS
from mmadf.weights.pretrained import load_branches

Indices = Union[int, Sequence[int]]


@MMENGINE_MODELS.register_module()
@MODELS.register_module()
class ADFBackbone(BaseModule):
    """Backbone with adaptive decoupling-fusion, for segmentation, detection and others.

    .. code-block:: none

        image -> appearance stage 0 -> 1 ---------------> auxiliary head, optional
                                |      |
                                +--+---+                  one or several mappers
                                   v
        image -> semantic stage 0 -> ... -> i -> ... ---> neck and heads of the host

    Paper: ADF (Neural Networks 187, 107346), abstract: a plug-in for "existing
    hierarchical models"; shallow appearance features of one branch are embedded into
    the deep feature space of the other. The paper classifies images.
    Code: none is public.
    Ours: the use as a backbone, where no loss of its own trains the appearance branch.
    For one, return some of its feature maps by `appearance_out_indices` and let an
    auxiliary head of the host take them, such as MMSegmentation's `auxiliary_head`.

    The fused pass is that of `ADFClassifier`, and the weights have the same names. The
    appearance backbone ends after the last stage that is read.

    Args:
        backbone: config of the semantic backbone, of a family with known stages
            (`mmadf.models.stages.families`).
        mapper: config of the `Mapper`, or a list of configs, at least one, as in
            `ADFClassifier`.
        appearance_backbone: config of the appearance backbone; None for that of the
            semantic one, with weights of its own.
        out_indices: semantic stages whose fused feature maps are returned, of the
            stages that `mapper` counts; None for the `out_indices` in `backbone`.
        appearance_out_indices: appearance stages whose feature maps are returned after
            the semantic ones. Leave it empty for heads that take the last feature map.
        frozen_stages: number of stages, the first one with the stem and position
            embeddings, that are frozen in both branches, as far as these run: their
            parameters and those of norms through which only they are returned get no
            gradient, and they stay in evaluation mode. From 1 to the number of
            semantic stages, or -1 for none. To freeze one branch, set `frozen_stages`
            in its config instead.
        stop_gradient: whether to detach the feature maps that the mappers read, so that
            only an auxiliary head trains the appearance branch. It requires
            `appearance_out_indices` up to the last stage that a mapper reads.
        pretrained_branches: arguments of `load_branches` except the network, to
            initialise both backbones from checkpoints; None for none.
        deploy: arguments of `switch_to_deploy`, to build the deployed form; or None.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ValueError: a stage that does not exist, an unknown family, no mapper, or an
            appearance stage that no loss can train.
        TypeError: an argument that is not a config, such as a built module.
    """

    def __init__(
        self,
        backbone: dict,
        mapper: Union[dict, Sequence[dict]],
        appearance_backbone: Optional[dict] = None,
        out_indices: Optional[Indices] = None,
        appearance_out_indices: Indices = (),
        frozen_stages: int = -1,
        stop_gradient: bool = False,
        pretrained_branches: Optional[dict] = None,
        deploy: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        options = dict(deploy=deploy, pretrained_branches=pretrained_branches)
        other = backbone if appearance_backbone is None else appearance_backbone
        _check_config(backbone, other, mapper, options)
        super().__init__(init_cfg)
        self.pretrained_branches = pretrained_branches
        self.deployed = False
        shown = _as_tuple(appearance_out_indices)
        self.backbone = _build(backbone, out_indices)
        self.appearance_backbone = _build(other, shown or None)
        semantic = cut_branch(self.backbone)
        appearance = cut_branch(self.appearance_backbone)
        if not shown:
            appearance = appearance._replace(out_stages=())
        self._cuts = [(b.stages, b.out_stages) for b in (semantic, appearance)]
        same_backbone = appearance_backbone is None
        self.mappers = connect(
            mapper, appearance, semantic, same_backbone, stop_gradient
        )
        if stop_gradient:
            _check_trained(shown, appearance.last_stage(), self.mappers.last_source)
        self.frozen_stages = frozen_stages
        _check_frozen_stages(frozen_stages, semantic.last_stage() + 1)
        self._freeze()
        self.register_load_state_dict_pre_hook(check_weights)
        self.register_load_state_dict_pre_hook(check_reparameterised)
        if deploy is not None:
            self.switch_to_deploy(**deploy)

    @property
    def semantic(self) -> Branch:
        """The branch whose feature maps are fused."""
        return Branch(self.backbone, None, None, *self._cuts[0])

    @property
    def appearance(self) -> Branch:
        """The branch whose shallow feature maps the mappers read."""
        stages, out_stages = self._cuts[1]
        out_stages = () if self.deployed else out_stages
        return Branch(self.appearance_backbone, None, None, stages, out_stages)

    def init_weights(self) -> None:
        """Initialise, and load `pretrained_branches`."""
        super().init_weights()
        if self.pretrained_branches and not self.deployed:
            load_branches(self, **self.pretrained_branches)

    def train(self, mode: bool = True) -> 'ADFBackbone':
        """Set the mode; frozen stages stay in evaluation mode."""
        super().train(mode)
        for module in self._frozen_modules():
            module.eval()
        return self

    def forward(self, inputs: Tensor) -> Tuple[Tensor, ...]:
        """Return fused feature maps, and then those of `appearance_out_indices`.

        Args:
            inputs: preprocessed images, (N, 3, H, W).

        Returns:
            One feature map (N, C_i, H_i, W_i) for each stage that is returned.

        Raises:
            ValueError: a deployed network in training mode.
        """
        if self.training and self.deployed:
            raise ValueError(
                'ADFBackbone: the network is deployed and cannot be trained; build it '
                'with deploy=None, and load the checkpoint from before.'
            )
        last = self.appearance.last_stage(self.mappers.last_source)
        appearance = self.appearance.maps(inputs, last)
        fused = self.fused_maps(inputs, appearance)
        return (*self.semantic.outputs(fused), *self.appearance.outputs(appearance))

    def fused_maps(self, inputs: Tensor, appearance: Sequence[Tensor]) -> List[Tensor]:
        """Return the feature maps of the semantic stages, with appearance fused in.

        Args:
            inputs: preprocessed images, (N, 3, H, W).
            appearance: feature maps of the appearance stages, at least up to the last
                one that a mapper reads.
        """
        fuse = partial(self.mappers.fuse, appearance=appearance)
        return self.semantic.maps(inputs, fuse=fuse)

    def switch_to_deploy(self, fold: bool = True) -> None:
        """Keep only what the fused feature maps need, in place.

        The appearance branch ends after the last stage that a mapper reads, and its
        feature maps are no longer returned. The fused ones stay the same.

        Args:
            fold: whether to fold what can be folded, see `mmadf.models.surgery.fold`,
                which changes the feature maps by rounding.
        """
        cut_appearance(self, fold, _fused_outputs)

    def _freeze(self) -> None:
        """Freeze stages; parameters of a backbone itself are position embeddings."""
        if self.frozen_stages < 1:
            return
        for module in self._frozen_modules():
            module.requires_grad_(False)
        for backbone in (self.backbone, self.appearance_backbone):
            for parameter in backbone.parameters(recurse=False):
                parameter.requires_grad_(False)

    def _frozen_modules(self) -> Iterator[nn.Module]:
        """Yield the modules of the frozen stages of both branches."""
        if self.frozen_stages < 1:
            return
        for branch, read in (
            (self.semantic, -1),
            (self.appearance, self.mappers.last_source),
        ):
            last = min(self.frozen_stages, branch.last_stage(read) + 1) - 1
            stages, modules = branch.stages, dict(branch.backbone.named_modules())
            frozen = [stage for stage in branch.out_stages if stage <= last]
            trained = [stage for stage in branch.out_stages if stage > last]
            kept = {name for stage in trained for name in stages.output_names(stage)}
            for name in stages.used(last, frozen):
                if name in modules and name not in kept:
                    yield modules[name]


def adf_part(model: nn.Module) -> nn.Module:
    """Return the ADF network in a model: its backbone, or else the model itself."""
    backbone = getattr(model, 'backbone', None)
    return backbone if isinstance(backbone, ADFBackbone) else model


def _fused_outputs(network: ADFBackbone, image: Tensor) -> Tuple[Tensor, ...]:
    """Return the fused feature maps only."""
    appearance = network.appearance.maps(image, network.mappers.last_source)
    return network.semantic.outputs(network.fused_maps(image, appearance))


def _build(cfg: dict, out_indices: Optional[Indices]) -> nn.Module:
    """Build a backbone that returns the feature maps of some stages.

    Args:
        cfg: config of a backbone.
        out_indices: the stages; None for those that the config names.

    Raises:
        ValueError: the backbone does not take these stages.
    """
    if out_indices is None:
        return MODELS.build(cfg)
    cfg = {**cfg, 'out_indices': _as_tuple(out_indices)}
    try:
        return MODELS.build(cfg)
    except (AssertionError, ValueError) as error:  # hosts assert without a message
        raise ValueError(
            f'ADFBackbone: {cfg["type"]} cannot be built with '
            f'out_indices={cfg["out_indices"]} ({type(error).__name__}: {error}); name '
            'stages that it has.'
        ) from error


def _as_tuple(indices: Indices) -> Tuple[int, ...]:
    return (indices,) if isinstance(indices, int) else tuple(indices)


def _check_config(backbone: dict, other: dict, mapper: object, options: dict) -> None:
    """Check the arguments of an `ADFBackbone` before anything is built from them."""
    check_options('ADFBackbone', mapper, **options)
    for name, cfg in dict(backbone=backbone, appearance_backbone=other).items():
        if not isinstance(cfg, dict):
            raise TypeError(
                f'ADFBackbone: {name} is a {type(cfg).__name__}; give its config, a '
                'dict, from which a module is built.'
            )
    if not mapper:
        raise ValueError(
            f'ADFBackbone: mapper={mapper!r} fuses nothing; give the config of a '
            "mapper, e.g. mapper=dict(type='Mapper', sources=(0, 1)), or use the "
            'backbone by itself.'
        )


def _check_trained(shown: Tuple[int, ...], last: int, read: int) -> None:
    """Require an auxiliary head behind all appearance stages that mappers read.

    Args:
        shown: `appearance_out_indices`.
        last: last stage of them, -1 for none.
        read: last stage that a mapper reads.
    """
    if last < read:
        raise ValueError(
            f'ADFBackbone: stop_gradient=True with appearance_out_indices={shown} '
            f'leaves no loss that trains appearance stage {read}, which a mapper '
            f'reads; return that stage to an auxiliary head, with '
            f'appearance_out_indices=({read},), or set stop_gradient=False.'
        )


def _check_frozen_stages(frozen_stages: int, count: int) -> None:
    """Require -1, or a number of stages."""
    if frozen_stages not in (-1, *range(1, count + 1)):
        raise ValueError(
            f'ADFBackbone: frozen_stages={frozen_stages!r} must be the number of '
            f'frozen stages, from 1 to {count}, of which the first includes the stem, '
            'or -1 for none.'
        )
