"""Loading of checkpoints that fit a network exactly."""

from argparse import ArgumentParser
from logging import WARNING
from pathlib import Path
from typing import Dict

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model
from torch import Tensor, nn

from mmadf.utils.messages import first_names, join_lines

from .checkpoint import LoadReport, load_matching, weights_of


def add_partial_argument(parser: ArgumentParser) -> None:
    """Add the argument that admits a checkpoint which does not fit exactly."""
    parser.add_argument(
        '--allow-partial',
        action='store_true',
        help='only warn of tensors that are missing in the checkpoint, unexpected or '
        'of another shape',
    )


def load_exactly(
    network: nn.Module,
    weights: Dict[str, Tensor],
    checkpoint: str,
    allow_partial: bool = False,
) -> None:
    """Load the weights of a checkpoint into a network that they must fit.

    Args:
        network: changed in place.
        weights: by their names in the network. Names and shapes are compared after the
            network's own loading hooks; counters of batches may be missing.
        checkpoint: name of the file, for messages.
        allow_partial: whether to warn of differences instead of raising. Tensors that
            are missing or of another shape then stay as initialised.

    Raises:
        ValueError: tensors are missing, unexpected or of another shape.
    """
    try:
        report = load_matching(network, weights)
    except (RuntimeError, ValueError) as error:  # of the network's own checks
        differences = join_lines(error)[:600]
    else:
        differences = _differences(report)
        if differences and allow_partial:
            message = f'{checkpoint} is loaded in part only: {differences}.'
            print_log(message, 'current', WARNING)
            return
    if differences:
        raise ValueError(
            f'checkpoint={checkpoint!r} does not fit the network; give a checkpoint of '
            f'this config{_other_configs(checkpoint)}. {differences}'
        )


def _other_configs(checkpoint: str) -> str:
    """Name the configs beside a checkpoint; training writes its own there."""
    path = Path(checkpoint).expanduser()
    files = sorted(path.parent.glob('*.py')) if path.is_file() else []
    configs = [
        file
        for file in files
        if '\nmodel = dict(' in f'\n{file.read_text(errors="replace")}'
    ]
    return f', or the config beside it: {first_names(configs)}' if configs else ''


def _differences(report: LoadReport) -> str:
    """Describe which tensors do not fit, empty if all do."""
    shapes = [f'{name} ({shapes})' for name, shapes in report.mismatched.items()]
    kinds = dict(missing=report.missing, misshapen=shapes, unexpected=report.unused)
    return '; '.join(
        f'{len(names)} {kind}: {first_names(names)}'
        for kind, names in kinds.items()
        if names
    )


class ExactWeightsHook(Hook):
    """Let a Runner load only checkpoints that fit its network exactly.

    MMEngine's Runner itself only logs a warning if tensors are missing, unexpected or
    of another shape, and goes on with the initial ones.

    Args:
        checkpoint: name of the file, for messages.
        allow_partial: see `load_exactly`.
    """

    priority = 'HIGH'  # before EMAHook, which reads `state_dict`

    def __init__(self, checkpoint: str, allow_partial: bool = False) -> None:
        self.checkpoint = checkpoint
        self.allow_partial = allow_partial

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Load the weights and give them the name under which the Runner finds them.

        Args:
            runner: the Runner, whose network has not been changed yet.
            checkpoint: content of the file, changed in place.
        """
        network = get_ori_model(runner.model)
        network = network.module if isinstance(network, BaseTTAModel) else network
        weights = weights_of(checkpoint, self.checkpoint)
        load_exactly(network, weights, self.checkpoint, self.allow_partial)
        checkpoint['state_dict'] = dict(weights)
