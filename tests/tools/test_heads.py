import pytest
import torch


@pytest.mark.slow
def test_every_variant_of_the_head_is_compared_with_gap(tool, capsys):
    threads = str(torch.get_num_threads())
    options = ['--repeats', '1', '--batch', '1', '--threads', threads]
    tool('benchmarks/heads.py', '--heads-only', *options)
    rows = capsys.readouterr().out.splitlines()
    rows = [row for row in rows if 'head alone' in row]
    assert len(rows) == 11
    assert '| 1.000 | 1.000 | 1.000 |' in rows[0]
