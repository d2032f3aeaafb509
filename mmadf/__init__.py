"""ADF, Wise-SrNet and Decoupled Networks as components of MMPretrain."""

from .compat import WEIGHTS_MIRROR, allow_own_checkpoints, check_stack, import_host
from .version import __version__

check_stack()
import_host()
allow_own_checkpoints()

# The imports below register; they need a stack that passed the checks above.
from mmadf import engine, models  # noqa: E402

from .utils import register_configs  # noqa: E402

register_configs()

__all__ = ['WEIGHTS_MIRROR', '__version__', 'engine', 'models']
