"""Training and testing: hooks, loops, optimizer wrappers, configs and launching."""

from .hooks import *  # noqa: F403
from .optim_wrapper import BFloat16OptimWrapper as BFloat16OptimWrapper
from .readouts import ReadoutsTestLoop as ReadoutsTestLoop
