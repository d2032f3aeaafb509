"""Checks of checkpoint files."""

import pytest
import torch

from mmadf.weights.checkpoint import check_whole_file
from tests.helpers import named


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / 'epoch_1.pth'
    torch.save({'state_dict': {'weight': torch.arange(5000.0)}}, path)
    return path


def zero_middle(content):
    content[4000:12000] = bytes(8000)
    return content


def flip_bit(content):
    content[len(content) // 2] ^= 1
    return content


DAMAGES = dict(
    zeroed_middle=zero_middle,
    flipped_bit=flip_bit,
    cut_off=lambda content: content[:-1000],
    zeroed_end=lambda content: content[:-1000] + bytes(1000),
    empty=lambda content: b'',
    all_zeros=lambda content: bytes(len(content)),
)


def test_damaged_file_is_refused(saved):
    content = saved.read_bytes()
    for name, damage in DAMAGES.items():
        saved.write_bytes(damage(bytearray(content)))
        match = r'epoch_1\.pth.* is .*damaged'
        with named(name), pytest.raises(ValueError, match=match):
            check_whole_file(saved)


def test_whole_file_is_accepted(tmp_path):
    for legacy in [False, True]:
        with named(legacy):
            path = tmp_path / 'weights.pth'
            torch.save(
                {'weight': torch.ones(3)},
                path,
                _use_new_zipfile_serialization=not legacy,
            )
            check_whole_file(path)


def test_whole_safetensors_file_is_accepted(tmp_path):
    save_file = pytest.importorskip('safetensors.torch').save_file
    save_file({'weight': torch.ones(3)}, tmp_path / 'weights.safetensors')
    check_whole_file(tmp_path / 'weights.safetensors')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.pth'):
        check_whole_file(tmp_path / 'absent.pth')
