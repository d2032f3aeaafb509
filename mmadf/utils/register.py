"""Registration of configs, models and modules with the host libraries."""

from pathlib import Path

MIM = Path(__file__).parents[1] / '.mim'


def register_configs() -> None:
    """Register the config scope `mmadf::` and the model index.

    Afterwards `mmadf::adf/<config>.py` is valid as a `_base_` and for
    `mmengine.hub.get_config`, and `mmpretrain.list_models('*adf*')` and
    `mmpretrain.get_model('adf-...')` find our models. No file is downloaded and no
    config is read.
    """
    from mmengine.config.utils import MODULE2PACKAGE
    from mmpretrain.apis.model import ModelHub

    MODULE2PACKAGE['mmadf'] = 'mmadf'
    ModelHub.register_model_index(MIM / 'model-index.yml', config_prefix=MIM)


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register the modules of MMPretrain and mmadf; every MM library has this function.

    Args:
        init_default_scope: whether to set the default scope to 'mmpretrain', where our
            components are registered under their bare names. The scope 'mmadf', which
            falls back to MMPretrain, is left unchanged.
    """
    from mmengine.registry import DefaultScope
    from mmpretrain.utils import register_all_modules as register_host

    import mmadf  # noqa: F401  the import registers

    scope = DefaultScope.get_current_instance()
    ours = scope is not None and scope.scope_name == 'mmadf'
    register_host(init_default_scope and not ours)
