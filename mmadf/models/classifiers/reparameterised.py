"""Weights of backbones whose blocks merge their convolutions, as RepVGG's do."""

from typing import Iterable, Optional

from torch import nn

MERGED = '.branch_reparam.'  # the convolution of a merged block of MMPretrain


def check_reparameterised(
    network: nn.Module, weights: dict, prefix: str, *_: object
) -> None:
    """Refuse weights of merged blocks for blocks that are not, and the reverse.

    A hook for `register_load_state_dict_pre_hook`. MMPretrain's
    `reparameterize_model.py` merges the blocks of `backbone` and leaves those of
    `appearance_backbone`; MMEngine's Runner would skip the weights that do not fit.

    Args:
        network: has `backbone` and `appearance_backbone`.
        weights: state dict that is about to be loaded.
        prefix: prefix of the network's names in it.

    Raises:
        ValueError: a backbone is merged only here or only in the weights.
    """
    for slot in ('backbone', 'appearance_backbone'):
        own = (f'{prefix}{name}' for name, _ in network.named_parameters())
        here, there = (_is_merged(n, f'{prefix}{slot}.') for n in (own, weights))
        if None not in (here, there) and here != there:
            raise ValueError(
                f'{type(network).__name__}: the blocks of {slot} are '
                f'{"merged" if there else "not merged"} in the weights and '
                f'{"merged" if here else "not merged"} here; set deploy={there} in the '
                'config of this backbone, or convert the checkpoint from before '
                'merging by tools/model_converters/deploy.py, which merges both '
                "branches (MMPretrain's reparameterize_model.py merges one)."
            )


def _is_merged(names: Iterable[str], slot: str) -> Optional[bool]:
    """Return whether the names of a slot have merged blocks; None without names."""
    own = [name for name in names if name.startswith(slot)]
    return any(MERGED in name for name in own) if own else None
