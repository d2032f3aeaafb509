"""Make the configs and models of mmadf known to the host libraries."""

from pathlib import Path

MIM = Path(__file__).parents[1] / '.mim'


def register_configs() -> None:
    """Register `mmadf::...` config paths and the model index.

    After it, `mmadf::adf/<config>.py` works as a `_base_` and for
    `mmengine.hub.get_config`, and `mmpretrain.list_models('*adf*')` and
    `mmpretrain.get_model('adf-...')` know our models. Nothing is downloaded and
    no config is read.
    """
    from mmengine.config.utils import MODULE2PACKAGE
    from mmpretrain.apis.model import ModelHub

    MODULE2PACKAGE['mmadf'] = 'mmadf'
    ModelHub.register_model_index(MIM / 'model-index.yml', config_prefix=MIM)


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register MMPretrain's and our modules, as every MM library offers it.

    Args:
        init_default_scope: also set the default scope, to 'mmpretrain', where our
            components are known by their bare names; 'mmadf', from which all of
            MMPretrain is found, stays.
    """
    from mmengine.registry import DefaultScope
    from mmpretrain.utils import register_all_modules as register_host

    import mmadf  # noqa: F401  the import registers

    scope = DefaultScope.get_current_instance()
    ours = scope is not None and scope.scope_name == 'mmadf'
    register_host(init_default_scope and not ours)
