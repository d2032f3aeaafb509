"""Utilities; MMEngine imports `register_all_modules` from here."""

from .register import register_all_modules, register_configs

__all__ = ['register_all_modules', 'register_configs']
