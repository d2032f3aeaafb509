"""From a trained classifier to a model folder."""

from pathlib import Path
from typing import Callable, Union

from mmadf.deployment.deploy import (
    TOLERANCE,
    check_deployable,
    deployed_config,
    switch_to_deploy,
)
from mmadf.models import ADFClassifier
from mmadf.weights.load import load_network, read_config

from .card import Origin
from .probe import probe
from .write import check_folder, folder_content, write_folder


def deploy_to_folder(
    config: str,
    checkpoint: str,
    folder: Union[str, Path],
    whole: bool = False,
    fold: bool = True,
    log: Callable[[str], None] = print,
    on_start: Callable[[], None] = lambda: None,
) -> float:
    """Write a trained classifier to a model folder, if it predicts the same.

    An ADF classifier is written in its deployed form, which predicts only. Any other
    classifier of MMPretrain is written as it is.

    Args:
        config: config file or model folder, or a name of `mmpretrain.list_models`.
        checkpoint: its weights. If the log of the training is beside it, the model card
            cites the accuracy.
        folder: folder to write, see `save_pretrained`.
        whole: whether to write an ADF classifier with both branches, so that it can be
            trained further.
        fold: see `ADFClassifier.switch_to_deploy`.
        log: is called with a line of text for each step.
        on_start: is called once the input is valid, before the network is changed.

    Returns:
        The largest difference of the logits, relative to the largest logit.

    Raises:
        FileNotFoundError: the config, the checkpoint or the parent of the folder does
            not exist.
        OSError: the folder cannot be written.
        ValueError: see `save_pretrained`; or an ADF classifier to deploy needs its
            appearance head.
        DeploymentError: the logits differ, by more than 1e-5 for a deployed network or
            by more than 1e-6 for others, or the network cannot be folded.
    """
    folder = check_folder(folder)
    cfg = read_config(config)
    network, meta = load_network(cfg, checkpoint)
    stored, tolerance = cfg, None
    deploys = isinstance(network, ADFClassifier) and not (whole or network.deployed)
    if deploys:
        check_deployable(network, config, cfg)
        stored, tolerance = deployed_config(cfg, fold), TOLERANCE
    origin = Origin(stored, meta, cfg, Path(checkpoint).parent)
    expected = probe(network, cfg)
    folder_content(stored, meta, expected.logits.shape[1])  # refused before the work
    on_start()
    if deploys:
        switch_to_deploy(network, fold)
    difference = write_folder(network, folder, origin, expected, tolerance, log)
    log(f'largest difference of a logit: {difference:.1e} of the largest logit')
    return difference
