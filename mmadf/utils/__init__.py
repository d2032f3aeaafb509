"""Entry points that MMEngine and MMPretrain call by name."""

from .register import register_all_modules, register_configs

__all__ = ['register_all_modules', 'register_configs']
