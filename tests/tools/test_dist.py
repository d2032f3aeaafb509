"""Two CPU processes through tools/dist_train.sh, as on two GPUs."""

import os
import shutil
import signal
import subprocess
import time

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
        'MAX_RESTARTS=2 dist_train.sh c.py 2': 'needs --resume without a file',
        'MAX_RESTARTS=2 dist_train.sh c.py 2 --resume a.pth': 'without a file',
        'MAX_RESTARTS=2 dist_train.sh c.py 2 --amp --resume=a.pth': 'without a file',
        'MAX_RESTARTS=x dist_train.sh c.py 2 --resume': 'MAX_RESTARTS=x must be',
        'dist_test.sh c.py': 'usage: ',
        'slurm_train.sh part': 'usage: ',
        'slurm_test.sh part job c.py k.pth': 'srun',
        'GPUS=x slurm_train.sh part job c.py work': 'srun',
        'BATCH=1 slurm_train.sh part job c.py work': 'sbatch',
        'BATCH=1 slurm_train.sh part job c.py work --overwrite': 'remove work first',
    }
    for call, message in calls.items():
        words = call.split()
        variables = dict(word.split('=') for word in words if word[:4].isupper())
        script, *arguments = words[len(variables) :]
        path, variables = ROOT / 'tools' / script, dict(variables, PATH=str(tmp_path))
        done = run('bash', path, *arguments, check=False, **variables)
        assert done.returncode == 2, call
        assert done.stderr.startswith(f'{script}: ')
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def slurm_train(run, tmp_path):
    """Run slurm_train.sh with stand-ins that print their arguments; return those."""
    for name in ('srun', 'sbatch'):
        (tmp_path / name).write_text('#!/bin/sh\necho "$@" $OMP_NUM_THREADS\n')
        (tmp_path / name).chmod(0o755)

    def _slurm_train(*options, **variables):
        script = ROOT / 'tools/slurm_train.sh'
        command = ['bash', script, 'part', 'adf', 'c.py', tmp_path / 'work', *options]
        path = f'{tmp_path}:{os.environ["PATH"]}'
        return run(*command, PATH=path, OMP_NUM_THREADS='', **variables).stdout.split()

    return _slurm_train


def test_slurm_hands_the_job_to_srun(slurm_train, tmp_path):
    words = slurm_train('--amp', GPUS='16', SRUN_ARGS='--qos high')
    assert words[:2] == ['-p', 'part']
    assert {'--ntasks=16', '--gres=gpu:8', '--qos', 'high'} <= set(words)
    work = str(tmp_path / 'work')
    assert words[-6:] == ['c.py', '--work-dir', work, '--amp', '--launcher', 'slurm']


def test_gpus_per_node_are_those_of_the_job_and_eight_at_most(slurm_train):
    for gpus, per_node in [('1', '1'), ('4', '4'), ('8', '8'), ('12', '8')]:
        words = slurm_train(GPUS=gpus)
        assert f'--ntasks={gpus}' in words
        assert {f'--ntasks-per-node={per_node}', f'--gres=gpu:{per_node}'} <= set(words)
    assert '--gres=gpu:2' in slurm_train(GPUS='4', GPUS_PER_NODE='2')


def test_restarted_processes_resume_from_the_newest_checkpoint(run, tmp_path):
    (tmp_path / 'python').write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / 'python').chmod(0o755)
    script = ROOT / 'tools/dist_train.sh'
    path = f'{tmp_path}:{os.environ["PATH"]}'
    for options in ['--resume', '--resume --amp', '--amp --resume']:
        words = options.split()
        done = run('bash', script, 'c.py', 2, *words, PATH=path, MAX_RESTARTS='3')
        assert '--max-restarts 3' in done.stdout
        assert done.stdout.endswith(f'c.py {options} --launcher pytorch\n')


def test_cpu_nodes_are_asked_for_tasks_without_gpus(slurm_train):
    words = slurm_train(GPUS='0', NTASKS='3', CPUS_PER_TASK='2')
    assert {'--ntasks=3', '--cpus-per-task=2'} <= set(words)
    assert not any('gres' in word or 'per-node' in word for word in words)
    assert words[-1] == '2'  # threads


def test_batch_job_is_requeued_and_notified_before_its_time_limit(
    slurm_train, tmp_path
):
    words = slurm_train(BATCH='1', NOTICE='60', SBATCH_ARGS='--time 10', GPUS='8')
    job = words.index(str(ROOT / 'tools/slurm_job.sh'))
    options = {'--requeue', '--signal=B:USR1@60', '--gres=gpu:8', '--time', '10'}
    assert options <= set(words[:job])
    assert f'--output={tmp_path}/work/slurm-%j.log' in words[:job]
    assert words[job + 1 : job + 4] == ['--cpus-per-task=5', 'python', '-u']
    assert words[-2:] == ['--launcher', 'slurm']


JOB = """#!/bin/sh
echo "$@"
trap 'echo signalled; exit 75' USR1
i=0
while [ $i -lt {rounds} ]; do sleep 0.1; i=$((i + 1)); done
"""


@pytest.fixture
def batch_job(tmp_path):
    """Start slurm_job.sh with stand-ins for srun, which waits, and scontrol."""

    def _batch_job(rounds, **variables):
        scripts = dict(srun=JOB.format(rounds=rounds), scontrol='#!/bin/sh\necho "$@"')
        for name, text in scripts.items():
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        path = f'{tmp_path}:{os.environ["PATH"]}'
        return subprocess.Popen(
            ['bash', ROOT / 'tools/slurm_job.sh', 'train.py'],
            env={**os.environ, 'PATH': path, 'SLURM_JOB_ID': '7', **variables},
            stdout=subprocess.PIPE,
            text=True,
        )

    return _batch_job


def test_job_at_its_time_limit_stops_its_tasks_and_is_requeued(batch_job):
    process = batch_job(rounds=300)
    assert 'train.py' in process.stdout.readline()
    time.sleep(0.2)  # until the stand-in has set its trap
    process.send_signal(signal.SIGUSR1)
    printed, _ = process.communicate(timeout=60)
    assert printed.splitlines() == ['signalled', 'requeue 7']
    assert process.returncode == 75


def test_requeued_job_resumes_and_a_finished_one_is_not_requeued(batch_job):
    process = batch_job(rounds=0, SLURM_RESTART_COUNT='1')
    printed, _ = process.communicate(timeout=60)
    assert printed.splitlines() == ['--kill-on-bad-exit=1 train.py --resume']
    assert process.returncode == 0
