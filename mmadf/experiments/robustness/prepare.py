"""From configs and checkpoints to what is tested."""

import hashlib
from pathlib import Path
from typing import Optional, Tuple, Union

from mmengine.config import Config

from .attacks import AttackPlan
from .evaluate import Evaluation
from .network import load_images, load_pixel_network

Trained = Tuple[Config, Union[str, Path]]


def prepare(
    network: Trained,
    source: Optional[Trained],
    plan: AttackPlan,
    limit: int = 0,
    seed: int = 0,
    device: str = 'cpu',
) -> Tuple[Evaluation, dict]:
    """Load networks and images.

    Args:
        network: config and checkpoint of what is tested.
        source: those of the network on which transferred attacks are made, if any.
        plan: of the attacks.
        limit: of the images, see `load_images`.
        seed: of attacks and corruptions.
        device: of PyTorch.

    Returns:
        What is tested, and the settings that outcomes depend on, see `Records`.

    Raises:
        FileNotFoundError: a checkpoint or the folder of the data does not exist.
        ValueError: weights of another network, or images that do not fit.
    """
    own, other = load_pixel_network(*network, device), None
    settings = dict(network=identify(*network))
    if source is not None:
        other = load_pixel_network(*source, device)
        settings['transferred from'] = identify(*source)
    images, labels = load_images(network[0], limit)
    settings.update(images=len(images), **plan._asdict(), seed=seed, device=device)
    return Evaluation(own, images, labels, plan, other, seed, device), settings


def identify(cfg: Config, checkpoint: Union[str, Path]) -> str:
    """Return what tells a network: its checkpoint, and hashes of it and its config.

    Args:
        cfg: its config.
        checkpoint: its file.
    """
    hashes = [
        hashlib.sha256(content).hexdigest()[:12]
        for content in (Path(checkpoint).read_bytes(), cfg.pretty_text.encode())
    ]
    return f'{Path(checkpoint).name} {" ".join(hashes)}'
