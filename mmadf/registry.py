"""Registries of mmadf: nodes beside MMPretrain's that share names with it.

A component that registers here is known in two ways: as `mmadf.<Name>` from a
config of any MM library, and by its bare name in MMPretrain, whose default
scope our configs keep. The other way round, the scope `mmadf`, in which MMEngine
reads a config inherited by `_base_ = 'mmadf::...'`, knows all of MMPretrain.
"""

from typing import List, Optional, Type, Union

from mmengine.registry import Registry
from mmpretrain import registry as host_registry


class PluginRegistry(Registry):
    """A registry that shares its names with the registry of a host library.

    Args:
        host: registry of the host; its parent becomes the parent of this one.
    """

    def __init__(self, host: Registry) -> None:
        super().__init__(
            host.name, parent=host.parent or host, scope='mmadf', locations=['mmadf']
        )
        self.host = host

    def get(self, key: str) -> Optional[Type]:
        """Look `key` up here, then in the host."""
        self.import_from_location()
        if '.' in key or key in self.module_dict:
            return super().get(key)
        return self.host.get(key)

    def _register_module(
        self,
        module: Type,
        module_name: Optional[Union[str, List[str]]] = None,
        force: bool = False,
    ) -> None:
        super()._register_module(module, module_name, force)
        self.host._register_module(module, module_name, force)


# One for each registry of MMPretrain, under the same name.
REGISTRIES = {
    name: PluginRegistry(node)
    for name, node in vars(host_registry).items()
    if isinstance(node, Registry) and node.scope == 'mmpretrain'
}
MODELS = REGISTRIES['MODELS']
HOOKS = REGISTRIES['HOOKS']
OPTIM_WRAPPERS = REGISTRIES['OPTIM_WRAPPERS']
LOOPS = REGISTRIES['LOOPS']
