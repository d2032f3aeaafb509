"""Model folders, on the disk and on the Hugging Face Hub."""

from .load import from_pretrained
from .push import push_to_hub
from .save import save_pretrained

__all__ = ['from_pretrained', 'push_to_hub', 'save_pretrained']
