"""The job array of a study: what is submitted, waited for and requeued."""

import os
import pickle
import signal
import threading
import time
from pathlib import Path

import pytest

from mmadf.experiments.studies import slurm, slurm_queue
from mmadf.experiments.studies.slurm import ArrayTask, Resources, run_array
from mmadf.experiments.studies.slurm_queue import check_no_jobs
from mmadf.experiments.studies.worker import RunError, RunInterruptedError, Worker

# The controller of a cluster: jobs run as soon as they are submitted.
PROGRAMS = dict(
    sbatch='cp "$1" {folder}/submitted; echo Submitted batch job 7',
    srun='exit 1',
    squeue='cat {folder}/queue',
)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Put stand-ins for the programs of Slurm on PATH; return their folder."""
    folder = tmp_path / 'cluster'
    folder.mkdir()
    (folder / 'queue').touch()
    for name, line in PROGRAMS.items():
        (folder / name).write_text(f'#!/bin/sh\n{line.format(folder=folder)}\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{folder}:{os.environ["PATH"]}')
    monkeypatch.setattr(slurm, 'POLL_SECONDS', 0)
    return folder


def finish(run):
    run.record.touch()


def test_unfinished_runs_are_one_array_with_the_resources_of_each(
    runs, cluster, tmp_path, monkeypatch
):
    pytest.importorskip('submitit')
    polls = iter([lambda: None, lambda: [finish(run) for run in runs]])
    monkeypatch.setattr(time, 'sleep', lambda _: next(polls)())
    (cluster / 'queue').write_text('7_0\n7_1\n')
    resources = Resources('vision', 90, 2, 3, 30, dict(account='me'))
    folder = tmp_path / 'logs'
    assert run_array(runs, Path('tools'), folder, 1, resources) == {}
    lines = (cluster / 'submitted').read_text().splitlines()
    for line in (
        '--array=0-1%1',
        '--partition=vision',
        '--time=90',
        '--gpus-per-node=2',
        '--cpus-per-task=3',
        '--signal=USR2@30',
        '--account=me',
        '--requeue',
    ):
        assert f'#SBATCH {line}' in lines
    assert [run.job.read_text() for run in runs] == ['7_0', '7_1']
    assert any(
        line.startswith('srun') and '--cpus-per-task=3' in line for line in lines
    )
    tasks = [
        pickle.loads(path.read_bytes()) for path in folder.glob('7_*_submitted.pkl')
    ]
    assert [task._timeout_countdown for task in tasks] == [slurm.MAX_TIMEOUTS] * 2


def test_queued_runs_are_waited_for_and_not_submitted_again(runs, cluster, monkeypatch):
    for index, run in enumerate(runs):
        run.job.write_text(f'5_{index}')
    (cluster / 'queue').write_text('5_0\n5_1\n')
    monkeypatch.setattr(time, 'sleep', lambda _: [finish(run) for run in runs])
    assert run_array(runs, Path('tools'), cluster, 1, Resources()) == {}
    assert not (cluster / 'submitted').exists()


def test_local_study_is_refused_while_jobs_work_on_its_runs(study, cluster, out, calls):
    (out / 'sum' / 'seed0').mkdir(parents=True)
    (out / 'sum' / 'seed0' / 'slurm_job').write_text('5_0')
    (cluster / 'queue').write_text('5_0\n')
    code, _, errors = study()
    assert code == 2
    assert '1 unfinished runs are in the queue of Slurm, as jobs 5_0, or' in errors
    assert not calls('train')


def test_former_jobs_and_those_of_finished_runs_do_not_matter_to_a_local_study(
    runs, cluster
):
    for run, job in zip(runs, ('5_0', '5_1'), strict=True):
        run.job.write_text(job)
    finish(runs[0])
    (cluster / 'queue').write_text('5_0\n')
    check_no_jobs(runs)


def test_host_without_slurm_takes_no_notice_of_jobs(runs, monkeypatch):
    runs[0].job.write_text('5_0')
    monkeypatch.setattr('shutil.which', lambda name: None)
    check_no_jobs(runs)


def test_job_that_left_no_record_is_an_error_with_its_log(runs, cluster, monkeypatch):
    for index, run in enumerate(runs):
        run.job.write_text(f'5_{index}')
    (cluster / 'queue').write_text('5_0\n5_1\n')
    (cluster / '5_1_0_log.err').write_text('...\nmmadf.RunError: train.py exited\n')

    def _sleep(_):
        finish(runs[0])
        (cluster / 'queue').write_text('')

    monkeypatch.setattr(time, 'sleep', _sleep)
    errors = run_array(runs, Path('tools'), cluster, 1, Resources())
    assert list(errors) == [runs[1]]
    assert 'job 5_1 left no record: train.py exited; see' in str(errors[runs[1]])
    assert '5_1_0_log.err' in str(errors[runs[1]])


def test_record_may_appear_after_the_end_of_its_job(runs, cluster, monkeypatch):
    for run in runs:
        run.job.write_text('5_0')
    (cluster / 'queue').write_text('5_0\n')
    polls = iter(
        [
            lambda: (cluster / 'queue').write_text(''),
            lambda: [finish(run) for run in runs],
        ]
    )
    monkeypatch.setattr(time, 'sleep', lambda _: next(polls)())
    assert run_array(runs, Path('tools'), cluster, 1, Resources()) == {}


def test_jobs_are_assumed_to_run_while_slurm_does_not_answer(cluster):
    assert '5_0' not in slurm_queue.queued_jobs()
    (cluster / 'squeue').write_text('#!/bin/sh\nexit 1\n')
    assert '5_0' in slurm_queue.queued_jobs()


def test_task_finishes_the_run(runs, scripts, calls):
    task = pickle.loads(pickle.dumps(ArrayTask(runs[0], scripts)))
    handler = signal.getsignal(signal.SIGTERM)
    try:
        task()
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert runs[0].record.exists()
    assert len(calls('train')) == len(calls('test')) == 1


def waiting_script(scripts, code):
    (scripts / 'train.py').write_text(
        'import signal, sys, time\n'
        'def end(*_):\n'
        '    time.sleep(0.2)\n'
        "    print('checkpoint', flush=True)\n"
        f'    sys.exit({code})\n'
        f'signal.signal(signal.SIGTERM, end if {code} > 0 else signal.SIG_DFL)\n'
        "print('ready', flush=True)\n"
        'time.sleep(60)\n'
    )


def when_ready(run, function):
    def _wait():
        log = run.work_dir / 'train.log'
        while not (log.exists() and 'ready' in log.read_text()):
            time.sleep(0.02)
        function()

    thread = threading.Thread(target=_wait)
    thread.start()
    return thread


@pytest.mark.parametrize(
    'code, kind',
    [(75, RunInterruptedError), (-15, RunInterruptedError), (1, RunError)],
)
def test_worker_tells_an_interrupted_training_from_a_failed_one(
    runs, scripts, code, kind
):
    waiting_script(scripts, code)
    worker = Worker(scripts, dict(os.environ), threading.Event())
    when_ready(runs[0], lambda: worker.interrupt())
    with pytest.raises(RunError) as error:
        worker.finish(runs[0])
    assert type(error.value) is kind


def test_checkpoint_waits_for_the_training_and_submits_the_run_again(runs, scripts):
    pytest.importorskip('submitit')
    waiting_script(scripts, 75)
    task = ArrayTask(runs[0], scripts)
    task.worker = Worker(scripts, dict(os.environ), threading.Event())
    submissions, logs = [], []

    def _checkpoint():
        submissions.append(task.checkpoint())
        logs.append((runs[0].work_dir / 'train.log').read_text())

    thread = when_ready(runs[0], _checkpoint)
    with pytest.raises(RunInterruptedError):
        task.worker.finish(runs[0])
    thread.join()
    assert 'checkpoint' in logs[0]
    again = pickle.loads(pickle.dumps(submissions[0].function))
    assert (again.run, again.tools) == (task.run, task.tools)


@pytest.mark.slow
def test_preempted_task_leaves_no_result(runs, scripts):
    waiting_script(scripts, 75)
    task = os.fork()
    if not task:
        try:
            ArrayTask(runs[0], scripts)()
        finally:
            os._exit(0)
    thread = when_ready(runs[0], lambda: os.kill(task, signal.SIGTERM))
    _, status = os.waitpid(task, 0)
    thread.join()
    assert os.waitstatus_to_exitcode(status) == os.EX_TEMPFAIL


def test_study_runs_as_an_array(study, cluster, calls, monkeypatch, out):
    pytest.importorskip('submitit')
    code, _, errors = study(
        *('--launcher', 'slurm', '--time', 5, '--gpus-per-run', 0),
        *('--sbatch-options', 'qos=high'),
    )
    assert code == 1  # the stand-in runs nothing
    assert 'job 7_0 left no record: it was cancelled or killed' in errors
    text = (cluster / 'submitted').read_text()
    assert '--qos=high' in text and 'gpus' not in text and '--array=0-1%2' in text
    assert text.count(f'{out}/slurm') >= 2


def test_study_is_not_prepared_without_slurm(study, monkeypatch, out):
    pytest.importorskip('submitit')
    monkeypatch.setattr('shutil.which', lambda name: None)
    code, printed, errors = study('--launcher', 'slurm')
    assert (code, printed, len(errors.splitlines())) == (2, '', 1)
    assert 'sbatch not found; submit the study on a login node' in errors
    assert not out.exists()


def test_resources_are_checked(study):
    code, _, errors = study('--launcher', 'slurm', '--time', 0)
    assert code == 2 and '--time 0 and --cpus-per-run 4 must be positive' in errors
