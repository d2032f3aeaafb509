"""From a trained ADF network to config and checkpoint of the deployed one."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, Optional, Union

import torch
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from torch import Tensor, nn

from mmadf.engine.config_text import parse_config
from mmadf.models import ADFBackbone, ADFClassifier
from mmadf.models.backbones.adf_backbone import adf_part
from mmadf.registry import MODELS
from mmadf.weights.load import load_network, read_config, strip_pretrained, test_dataset

from .checks import DeploymentError, check_out, relative_difference
from .input_spec import image_size, infer_input_spec

TOLERANCE = 1e-5
AUXILIARY = 'auxiliary_head'  # of segmentors, for training only


def deploy_classifier(
    config: str,
    checkpoint: str,
    out: Union[str, Path],
    fold: bool = True,
    log: Callable[[str], None] = print,
    on_start: Callable[[], None] = lambda: None,
) -> float:
    """Write the deployed form of an ADF network, if it predicts the same.

    This is an ADF classifier, or a model of MMPretrain or MMSegmentation on an
    `ADFBackbone`, which also loses its auxiliary heads.

    The checkpoint `out` and its config, *.py beside it, are written after the network
    built from them has been compared with the trained one.

    Args:
        config: config file, or a name of `mmpretrain.list_models`.
        checkpoint: its weights.
        out: checkpoint to write, *.pth, in an existing folder.
        fold: see `ADFClassifier.switch_to_deploy`.
        log: is called with a line of text for each step.
        on_start: is called once the input is valid, before the network is changed.

    Returns:
        The largest difference of the logits, relative to the largest logit.

    Raises:
        FileNotFoundError: the config, the checkpoint or the folder does not exist.
        OSError: the folder cannot be written.
        ValueError: the network is no ADF network, is deployed already, or needs its
            appearance head; or one of the two files would overwrite something
            other than an earlier deployment.
        DeploymentError: the difference is above 1e-5, or the network cannot be folded.
    """
    out = Path(out)
    check_out(out, '.pth')
    _check_overwriting(checkpoint, out)
    cfg = read_config(config)
    model, meta = load_network(cfg, checkpoint)
    check_deployable(model, config, cfg)
    spec = infer_input_spec(test_dataset(cfg).get('pipeline'))
    images = torch.randn(2, spec.channels, *image_size(spec, model))
    with torch.no_grad():
        expected = model(images)
    with TemporaryDirectory(dir=out.parent, prefix='.deploy-') as folder:
        on_start()
        before = sum(p.numel() for p in model.parameters())
        switch_to_deploy(model, fold)
        after = sum(p.numel() for p in model.parameters())
        log(f'parameters: {before / 1e6:.2f} M trained, {after / 1e6:.2f} M deployed')
        draft = Path(folder) / out.name
        kept = {name: meta[name] for name in ('dataset_meta',) if name in meta}
        save_checkpoint(dict(state_dict=model.state_dict(), meta=kept), str(draft))
        deployed_config(cfg, fold).dump(draft.with_suffix('.py'))
        difference = _compare(draft, images, expected)
        # The config first: without it, a checkpoint is not known as a deployment.
        for file in (draft.with_suffix('.py'), draft):
            file.replace(out.parent / file.name)
            log(f'wrote {out.parent / file.name}')
    log(f'largest difference of a logit: {difference:.1e} of the largest logit')
    return difference


def deployed_config(cfg: Config, fold: bool) -> Config:
    """Return the config with `deploy` set and without pretrained weights."""
    cfg = cfg.copy()
    cfg.model = strip_pretrained(cfg.model.to_dict())
    adf_config(cfg).deploy = dict(fold=fold)
    if AUXILIARY in cfg.model:
        cfg.model[AUXILIARY] = None
    cfg.load_from, cfg.resume = None, False
    return cfg


def adf_config(cfg: Config) -> Optional[Config]:
    """Return the config of the ADF network, None if a wrapper contains it."""
    for part in (cfg.model, cfg.model.get('backbone')):
        built = part and MODELS.get(part.type)
        if isinstance(built, type) and issubclass(built, (ADFClassifier, ADFBackbone)):
            return part
    return None


def check_deployable(model: nn.Module, config: str, cfg: Config) -> None:
    """Refuse networks that are not trained ADF networks with a fused prediction.

    Args:
        model: the network.
        config: name of its config, for the message.
        cfg: its config.

    Raises:
        ValueError: it is another network, deployed already, needs its appearance head,
            or is inside a wrapper, which could not build the deployed form.
    """
    part = adf_part(model)
    readout = getattr(part, 'readout', 'semantic')  # a backbone has no other
    is_adf = isinstance(part, (ADFClassifier, ADFBackbone))
    if is_adf and not part.deployed and readout == 'semantic':
        if adf_config(cfg) is None:
            raise ValueError(
                f'config={config} builds {type(part).__name__} inside another type, '
                'which cannot build the deployed form; decouple the backbones of the '
                "ADF network instead, by conv_cfg or by type='DecoupledBackbone', or "
                'write the whole network to a folder with --whole.'
            )
        return
    found = type(part).__name__
    if is_adf:
        found += f' with deployed={part.deployed} and readout={readout!r}'
    raise ValueError(
        f'config={config} builds {found}; deployment needs an ADFClassifier or a model '
        "on an ADFBackbone that is not deployed and has readout='semantic'. Any "
        'classifier can be written as it is to a model folder: FOLDER/ --whole.'
    )


def switch_to_deploy(model: nn.Module, fold: bool) -> None:
    """Reduce a model in place to what its prediction needs.

    Args:
        model: accepted by `check_deployable`.
        fold: see `ADFClassifier.switch_to_deploy`.

    Raises:
        DeploymentError: the network cannot be folded.
    """
    try:
        adf_part(model).switch_to_deploy(fold=fold)
    except ValueError as error:  # the network was checked before
        raise DeploymentError(f'{error} Nothing was written.') from error
    if getattr(model, AUXILIARY, None) is not None:
        setattr(model, AUXILIARY, None)


def _check_overwriting(checkpoint: str, out: Path) -> None:
    """Refuse to overwrite anything but the files of an earlier deployment."""
    if out.exists() and Path(checkpoint).exists() and out.samefile(checkpoint):
        raise ValueError(f'out={out} is the checkpoint itself; give another name.')
    config = out.with_suffix('.py')
    existing = [file for file in (out, config) if file.exists()]
    if existing and not _is_deployed(config):
        raise ValueError(
            f'out={out}: {existing[0]} exists and is not part of an earlier '
            'deployment; give another name.'
        )


def _is_deployed(config: Path) -> bool:
    """Return whether a file is the config of a deployed network.

    The file is not executed, since it may be any script.
    """
    try:
        model = parse_config(config.read_text(errors='replace')).get('model')
    except (OSError, ValueError):
        return False
    if not isinstance(model, dict):
        return False
    backbone = model.get('backbone')
    parts = model, backbone if isinstance(backbone, dict) else {}
    return any(isinstance(part.get('deploy'), dict) for part in parts)


@torch.no_grad()
def _compare(draft: Path, images: Tensor, expected: Tensor) -> float:
    """Build the network from the written files; return its relative difference."""
    model, _ = load_network(Config.fromfile(draft.with_suffix('.py')), str(draft))
    difference = relative_difference(model(images), expected)
    if not difference <= TOLERANCE:
        raise DeploymentError(
            f'the logits of the deployed network differ by {difference:.1e} of the '
            f'largest one, tolerance {TOLERANCE:.0e}; nothing was written.'
        )
    return difference
