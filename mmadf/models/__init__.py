"""Network components, by slot as in MMPretrain."""

from .backbones import *  # noqa: F403
from .classifiers import *  # noqa: F403
from .fusion import *  # noqa: F403
from .heads import *  # noqa: F403
from .layers import *  # noqa: F403
from .necks import *  # noqa: F403
