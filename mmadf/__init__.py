"""ADF, Wise-SrNet and Decoupled Networks as components of MMPretrain."""

from .compat import WEIGHTS_MIRROR, check_stack, import_host
from .version import __version__

check_stack()
import_host()

# The imports below register; they need a stack that passed the checks above.
from mmadf import engine, models  # noqa: E402

from .hub import from_pretrained, push_to_hub, save_pretrained  # noqa: E402
from .utils import register_configs  # noqa: E402
from .weights.safe_loading import protect_host  # noqa: E402

register_configs()
protect_host()

__all__ = [
    'WEIGHTS_MIRROR',
    '__version__',
    'engine',
    'from_pretrained',
    'models',
    'push_to_hub',
    'save_pretrained',
]
