"""Networks to model folders."""

from pathlib import Path
from typing import Optional, Sequence, Union

from mmengine.config import Config
from torch import nn

from mmadf.models.backbones.adf_backbone import adf_part
from mmadf.utils.messages import first_names
from mmadf.weights.load import read_config


def save_pretrained(
    network: nn.Module,
    folder: Union[str, Path],
    config: Union[str, dict, Config, None] = None,
    classes: Optional[Sequence[str]] = None,
) -> None:
    """Write a network to a model folder, which `from_pretrained` reads.

    The folder contains `model.safetensors`, `config.json` and `README.md`, a model card
    to complete by hand. Nothing is written unless the network that is built from them
    returns the same logits.

    Args:
        network: a classifier, of mmadf, MMPretrain or timm.
        folder: folder to write; its parent exists. A model folder is overwritten,
            except for its model card.
        config: config of the network: a `Config`, a file, a name of
            `mmpretrain.list_models`, or the dict `model` of one. None for the config
            that `mmpretrain.get_model` and `from_pretrained` attach to a network. For a
            network of timm it is `dict(type='TimmClassifier', model_name=...)`.
        classes: names of the classes, one for each logit; None for those of the config.

    Raises:
        FileNotFoundError: the parent of the folder, or the config, does not exist.
        ImportError: safetensors is not installed.
        OSError: the folder cannot be written.
        ValueError: the network has no config, the config is not that of the network or
            contains components that a model folder cannot contain, the weights are
            not in float32, `classes` has another length than the logits, or the folder
            contains other files of these names.
        DeploymentError: the network built from the folder returns other logits.
    """
    # Here, since they import `torch.export`, which `import mmadf` does without.
    from mmadf.deployment.deploy import adf_config, deployed_config

    from .card import Origin
    from .probe import probe
    from .write import check_folder, write_folder

    folder = check_folder(folder)
    cfg = _find_config(network, config)
    part = adf_part(network)
    if getattr(part, 'deployed', False):  # perhaps after it was built
        part_cfg = adf_config(cfg)
        if part_cfg is not None and part_cfg.get('deploy') is None:
            cfg = deployed_config(cfg, part.folded)
    expected = probe(network, cfg)
    meta = dict(dataset_meta=getattr(network, '_dataset_meta', {}))
    if classes is not None:
        outputs = expected.logits.shape[1]
        if len(classes) != outputs:
            raise ValueError(
                f'classes has {len(classes)} names ({first_names(classes)}), but '
                f'{type(network).__name__} has {outputs} outputs; give one name for '
                'each, in their order.'
            )
        meta = dict(dataset_meta=dict(classes=list(classes)))
    write_folder(network, folder, Origin(cfg, meta), expected)


def _find_config(network: nn.Module, config: Union[str, dict, Config, None]) -> Config:
    """Return the config of a network."""
    config = getattr(network, '_config', None) if config is None else config
    if config is None:
        raise ValueError(
            f'{type(network).__name__} does not carry its config, as networks of '
            'mmpretrain.get_model do; give config=FILE, or the dict `model`.'
        )
    if isinstance(config, (str, Path)):
        return read_config(str(config))
    if isinstance(config, Config):
        return config
    return Config(config if 'model' in config else dict(model=config))
