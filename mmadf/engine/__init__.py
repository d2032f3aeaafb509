"""Around the model: hooks, loops and strategies of the Runner, launching, checks."""

from .hooks import *  # noqa: F403
from .loops import *  # noqa: F403
from .optim_wrapper import BFloat16OptimWrapper as BFloat16OptimWrapper
from .runner import ResumableFlexibleRunner as ResumableFlexibleRunner
from .sharded import FullyShardStrategy as FullyShardStrategy
