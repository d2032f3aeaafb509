"""Check of the modules whose activations are recomputed."""

from typing import Iterator, Sequence, Union

from torch import nn

from mmadf.models import ADFBackbone, ADFClassifier


def check_activation_checkpointing(
    model: nn.Module, modules: Union[str, Sequence[str], None]
) -> None:
    """Refuse modules of an ADF network for which the option would have no effect.

    MMEngine replaces the forward pass of each module that is named. ADF runs the stages
    of its backbones one by one, so that the forward pass of a whole backbone, or of a
    list of modules, is never called.

    Args:
        model: may contain ADF networks.
        modules: `activation_checkpointing` of the config: a name, a list, or None.

    Raises:
        ValueError: a module that is never called.
    """
    names = [modules] if isinstance(modules, str) else modules or []
    for path, network in model.named_modules():
        if not isinstance(network, (ADFBackbone, ADFClassifier)):
            continue
        prefix = f'{path}.' if path else ''
        called = [prefix + part for part in _called_modules(network)]
        for name in names:
            inside = [part for part in called if part.startswith(f'{name}.')]
            if inside and name.startswith(prefix):
                raise ValueError(
                    f'activation_checkpointing={name!r} has no effect, because ADF '
                    'runs the modules inside it one by one; name these instead, such '
                    f'as {inside[-1]!r}.'
                )


def _called_modules(network: Union[ADFBackbone, ADFClassifier]) -> Iterator[str]:
    """Yield the names of the modules that ADF calls in backbones and mappers."""
    names, read = ['mappers'], network.mappers.last_source
    for branch, root, last in (
        (network.semantic, 'backbone', -1),
        (network.appearance, 'appearance_backbone', read),
    ):
        used = branch.stages.used(branch.last_stage(last))
        names += [f'{root}.{name}' for name in used]
    for name in names:
        module = network.get_submodule(name)
        if isinstance(module, nn.ModuleList):
            yield from (f'{name}.{i}' for i in range(len(module)))
        else:
            yield name
