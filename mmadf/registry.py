"""Registries of mmadf, siblings of MMPretrain's registries that share their names.

A component that registers here is found as `mmadf.<Name>` from a config of any MM
library, and by its bare name in MMPretrain, whose default scope our configs use.
Conversely the scope `mmadf`, in which MMEngine reads a config inherited with
`_base_ = 'mmadf::...'`, finds all components of MMPretrain.
"""

from typing import List, Optional, Type, Union

from mmengine.registry import Registry
from mmpretrain import registry as host_registry


class PluginRegistry(Registry):
    """A registry that shares its names with the registry of a host library.

    Args:
        host: registry of the host library, whose parent is also the parent of this one.
    """

    def __init__(self, host: Registry) -> None:
        super().__init__(
            host.name, parent=host.parent or host, scope='mmadf', locations=['mmadf']
        )
        self.host = host

    def get(self, key: str) -> Optional[Type]:
        """Return the component named `key` of this registry or else of the host's."""
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


# One for each registry of MMPretrain, with the same name.
REGISTRIES = {
    name: PluginRegistry(node)
    for name, node in vars(host_registry).items()
    if isinstance(node, Registry) and node.scope == 'mmpretrain'
}
MODELS = REGISTRIES['MODELS']
HOOKS = REGISTRIES['HOOKS']
OPTIM_WRAPPERS = REGISTRIES['OPTIM_WRAPPERS']
LOOPS = REGISTRIES['LOOPS']
