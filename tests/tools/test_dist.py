"""Two CPU processes through tools/dist_train.sh, as on two GPUs."""

import os
import shutil

import pytest
import torch
from torch.testing import assert_close

from tests.conftest import ROOT


def weights(work_dir, epoch):
    path = work_dir / f'epoch_{epoch}.pth'
    return torch.load(path, weights_only=True)['state_dict']


@pytest.mark.slow
def test_two_processes_train_like_one_and_resume(job, run, tool, port, tmp_path):
    one, two = tmp_path / 'one', tmp_path / 'two'
    tool('train.py', job, '--work-dir', one)
    expected = weights(one, 3)
    start = ['bash', ROOT / 'tools/dist_train.sh', job, '2', '--work-dir', two]
    half = ['--cfg-options', 'train_dataloader.batch_size=4']
    run(*start, *half, PORT=port, CUDA_VISIBLE_DEVICES='')
    assert_close(weights(two, 3), expected, rtol=1e-4, atol=1e-5)

    (two / 'epoch_3.pth').unlink()  # as if stopped before
    resumed = run(*start, '--resume', *half, PORT=port, CUDA_VISIBLE_DEVICES='')
    assert 'resumed epoch: 2, iter: 8' in resumed.stdout
    assert_close(weights(two, 3), expected, rtol=1e-4, atol=1e-5)

    test = ['bash', ROOT / 'tools/dist_test.sh', job, two / 'epoch_3.pth', '2']
    done = run(*test, '--work-dir', two, PORT=port, CUDA_VISIBLE_DEVICES='')
    assert 'accuracy/top1' in done.stdout


def test_invalid_calls_end_with_one_line_and_code_2(run, tmp_path):
    for name in ('bash', 'dirname', 'basename'):  # and no srun, even with Slurm
        (tmp_path / name).symlink_to(shutil.which(name))
    calls = {
        'dist_train.sh': 'usage: ',
        'dist_train.sh c.py 0': 'GPUS=0 ',
        'dist_test.sh c.py': 'usage: ',
        'slurm_train.sh part': 'usage: ',
        'slurm_test.sh part job c.py k.pth': 'srun',
    }
    for call, message in calls.items():
        script, *arguments = call.split()
        path = ROOT / 'tools' / script
        done = run('bash', path, *arguments, check=False, PATH=str(tmp_path))
        assert done.returncode == 2, call
        assert done.stderr.startswith(f'{script}: ')
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_slurm_hands_the_job_to_srun(run, tmp_path):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    script = ROOT / 'tools/slurm_train.sh'
    done = run(
        *('bash', script, 'gpu', 'adf', 'c.py', 'work', '--amp'),
        PATH=f'{tmp_path}:{os.environ["PATH"]}',
        GPUS='16',
        SRUN_ARGS='--qos high',
    )
    words = done.stdout.split()
    assert words[:2] == ['-p', 'gpu']
    assert {'--ntasks=16', '--gres=gpu:8', '--qos', 'high'} <= set(words)
    assert words[-6:] == ['c.py', '--work-dir', 'work', '--amp', '--launcher', 'slurm']
