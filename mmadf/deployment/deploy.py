"""From a trained ADF classifier to config and checkpoint of the deployed one."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, Union

import torch
from mmengine.config import Config
from mmengine.runner import save_checkpoint

from mmadf.models import ADFClassifier
from mmadf.weights.load import load_network, read_config, strip_pretrained, test_dataset

from .files import check_files
from .images import view_through

TOLERANCE = 1e-5


def deploy_classifier(
    config: str,
    checkpoint: str,
    out: Union[str, Path],
    fold: bool = True,
    log: Callable[[str], None] = print,
) -> float:
    """Write the deployed form of an ADF classifier, if it predicts the same.

    Two files: the checkpoint `out` and, beside it, its config, '*.py'. Both are written
    after the network built from them has been compared with the whole one.

    Args:
        config: config file, or a name of `mmpretrain.list_models`.
        checkpoint: its weights.
        out: file to write, '*.pth', in a folder that exists.
        fold: see `ADFClassifier.switch_to_deploy`.
        log: takes a line for each step.

    Returns:
        The largest difference of the logits, as a part of the largest logit.

    Raises:
        FileNotFoundError: config, checkpoint or folder that is not there.
        ValueError: another classifier, a deployed one, a readout that needs the
            appearance head, a difference above 1e-5, or names under which lie the
            config, the checkpoint or any other config that is not of a deployed
            network.
    """
    out = Path(out)
    check_files(checkpoint, out, '.pth')
    _keep_what_is_there(config, checkpoint, out)
    cfg = read_config(config)
    model, meta = load_network(cfg, checkpoint)
    if not isinstance(model, ADFClassifier) or model.deployed:
        raise ValueError(
            f'{config} builds a {"deployed " if hasattr(model, "deployed") else ""}'
            f'{type(model).__name__}; give the config of an ADFClassifier that is not '
            'deployed.'
        )
    view = view_through(test_dataset(cfg).get('pipeline'))
    images = torch.randn(2, view.channels, *(view.size or (224, 224)))
    with torch.no_grad():
        expected = model(images)
    before = sum(p.numel() for p in model.parameters())
    model.switch_to_deploy(fold=fold)
    after = sum(p.numel() for p in model.parameters())
    log(f'parameters: {before / 1e6:.2f} M trained, {after / 1e6:.2f} M deployed')
    with TemporaryDirectory(dir=out.parent, prefix='.deploy-') as folder:
        draft = Path(folder) / out.name
        kept = {name: meta[name] for name in ('dataset_meta',) if name in meta}
        save_checkpoint(dict(state_dict=model.state_dict(), meta=kept), str(draft))
        deployed_config(cfg, fold).dump(draft.with_suffix('.py'))
        difference = _compare(draft, images, expected)
        for file in (draft, draft.with_suffix('.py')):
            file.replace(out.parent / file.name)
            log(f'wrote {out.parent / file.name}')
    log(f'largest difference of a logit: {difference:.1e} of the largest logit')
    return difference


def deployed_config(cfg: Config, fold: bool) -> Config:
    """Return the config of the deployed network: no starting weights, `deploy` set.

    Args:
        cfg: config of the trained network.
        fold: see `ADFClassifier.switch_to_deploy`.
    """
    cfg = cfg.copy()
    cfg.model = strip_pretrained(cfg.model.to_dict())
    cfg.model.deploy = dict(fold=fold)
    cfg.load_from, cfg.resume = None, False
    return cfg


def _keep_what_is_there(config: str, checkpoint: str, out: Path) -> None:
    """Refuse to write over what is no result of an earlier deployment."""
    if out.exists() and out.samefile(checkpoint):
        raise ValueError(f'out={out} is the checkpoint itself; give another name.')
    beside = out.with_suffix('.py')
    if beside.is_dir():
        raise ValueError(
            f'out={out}: its config {beside} is a folder; give another name.'
        )
    if not beside.exists():
        return
    if Path(config).exists() and beside.samefile(config):
        raise ValueError(
            f'out={out}: its config would be written over {config}; give another name.'
        )
    if not _is_deployed(beside):
        raise ValueError(
            f'out={out}: {beside} is there and is no config of a deployed network; '
            'give another name, or move that file.'
        )


def _is_deployed(config: Path) -> bool:
    """Return whether a file is a config of a deployed network."""
    try:
        model = Config.fromfile(config).get('model')
    except Exception:  # whatever a file raises that is no config
        return False
    return isinstance(model, dict) and model.get('deploy') is not None


def _compare(draft: Path, images: torch.Tensor, expected: torch.Tensor) -> float:
    """Build the network from the written files; return its relative difference."""
    model, _ = load_network(Config.fromfile(draft.with_suffix('.py')), str(draft))
    with torch.no_grad():
        difference = (model(images) - expected).abs().max() / expected.abs().max()
    if not difference <= TOLERANCE:
        raise ValueError(
            f'the deployed network differs by {difference:.1e} of the largest logit, '
            f'tolerance {TOLERANCE:.0e}; nothing was written.'
        )
    return difference.item()
