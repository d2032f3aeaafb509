"""Around the model: hooks of the Runner, launching, checks before training."""

from .hooks import *  # noqa: F403
