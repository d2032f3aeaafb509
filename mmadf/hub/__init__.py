"""Model folders, on the disk and on the Hugging Face Hub."""

from .load import from_pretrained

__all__ = ['from_pretrained']
