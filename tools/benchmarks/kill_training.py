"""Kill trainings, resume them, and compare the results with an undisturbed run.

Run: python tools/benchmarks/kill_training.py [train|ddp|study] --folder NEW --kills 100

Half of the kills (SIGKILL) come right before file operations, evenly spread over all,
the others at random moments. After each kill the same command with `--resume` runs to
the end. Then everything must be as without a kill, bit by bit: the last checkpoint with
the states of optimizer and random number generators, the best checkpoint, its score,
and the curves in the log. `ddp` trains in two processes over gloo; `study` kills
tools/study.py, and half of the times its trainings, too.

A training takes seconds: a small network, 32 images with random crops, one worker, four
epochs. Training processes are forked after the imports.
"""

import argparse
import os
import random
import runpy
import shutil
import signal
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

import cv2
import numpy as np
import torch

import mmadf  # noqa: F401  registers
from mmadf.analysis import read_log
from mmadf.analysis.logs import training_curve, validation_curve
from mmadf.engine.best import stored_bests

TOOLS = Path(__file__).resolve().parents[1]
KINDS = 'before a file operation', 'at a random moment'
OPERATIONS = {'os.rename', 'os.remove', 'os.mkdir', 'os.rmdir'}
CONFIG = """
_base_ = 'mmadf::adf/single_tiny_digits.py'
crop = dict(type='RandomCrop', crop_size=8, padding=2)
load, pack = dict(type='LoadImageFromFile'), dict(type='PackInputs')
train = dict(data_root='{data}/train', pipeline=[load, crop, pack])
val = dict(data_root='{data}/val', pipeline=[load, pack])
train_dataloader = dict(batch_size=8, dataset=train)
val_dataloader = dict(num_workers=0, dataset=val)
test_dataloader = val_dataloader
backbone = dict(stem_channels=4, base_channels=4)
model = dict(backbone=backbone, head=dict(num_classes=2, in_channels=32))
data_preprocessor = dict(num_classes=2)
optim_wrapper = dict(optimizer=dict(lr=0.02))
param_scheduler = dict(_delete_=True, type='MultiStepLR', milestones=[2])
train_cfg = dict(max_epochs=4)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(max_keep_ckpts=1))
randomness = dict(seed=0)
"""
STUDY = """
variants = dict(a=dict(config='{config}'), b=dict(config='{config}'))
control = 'a'
seeds = (0,)
"""


def write_job(folder: Path) -> Dict[str, Path]:
    """Write images, a config and a study; return the job of each mode."""
    noise = np.random.default_rng(0)
    for split, count in dict(train=16, val=20).items():
        for name, low in dict(dark=0, light=20).items():
            images = folder / 'data' / split / name
            images.mkdir(parents=True)
            for index in range(count):
                image = noise.integers(low, 235 + low, (8, 8, 3), dtype=np.uint8)
                cv2.imwrite(str(images / f'{index}.png'), image)
    config, study = folder / 'job.py', folder / 'job_study.py'
    config.write_text(CONFIG.format(data=folder / 'data'))
    study.write_text(STUDY.format(config=config))
    return dict(train=config, ddp=config, study=study)


def count_operations(work_dir: Path, kill_at: Optional[int]) -> Callable:
    """Return an audit hook that kills this process before its n-th file operation.

    Args:
        work_dir: operations on files in it are counted; a file beside it has the count.
        kill_at: number of the operation; None for none.
    """
    owner, count, inside = os.getpid(), [0], str(work_dir) + os.sep
    counter = os.open(f'{work_dir}.operations', os.O_WRONLY | os.O_CREAT)

    def _hook(event: str, arguments: tuple) -> None:
        writes = event == 'open' and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
        if not (writes or event in OPERATIONS) or os.getpid() != owner:
            return
        if str(arguments[0]).startswith(inside):
            count[0] += 1
            os.pwrite(counter, b'%8d' % count[0], 0)
            if count[0] == kill_at:
                os.kill(owner, signal.SIGKILL)

    return _hook


def fork(
    arguments: List[str], work_dir: Path, kill_at: Optional[int], **env: str
) -> int:
    """Run a script of tools/ in a forked process, a group of its own; return its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        os.environ.update(env)
        log = os.open(f'{work_dir}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.addaudithook(count_operations(work_dir, kill_at))
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name='__main__')
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def start(
    mode: str, job: Path, work_dir: Path, resume: bool, kill_at: Optional[int] = None
) -> List[int]:
    """Start a training or a study; return its processes, the one to kill first."""
    if mode == 'study':
        options = ['--jobs', '2', '--cfg-options', f'work_dir={work_dir}']
        return [fork([str(TOOLS / 'study.py'), str(job), *options], work_dir, kill_at)]
    command = [str(TOOLS / 'train.py'), str(job), '--work-dir', str(work_dir)]
    command += ['--resume'] if resume else []
    if mode == 'train':
        return [fork(command, work_dir, kill_at)]
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = str(s.getsockname()[1])
    command += ['--launcher', 'pytorch']
    env = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port, WORLD_SIZE='2')
    pids = []
    for rank in '01':
        env.update(RANK=rank, LOCAL_RANK=rank)
        pids.append(fork(command, work_dir, kill_at if rank == '0' else None, **env))
    return pids


def wait(pids: List[int], seconds: Optional[float] = None, group: bool = True) -> int:
    """Wait for processes; kill them after some seconds, or when one fails; return why.

    That is the first exit code other than 0, negative for a signal, or else 0.
    """
    end, running = time.monotonic() + (seconds or 600), list(pids)
    while running:
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            code = os.waitstatus_to_exitcode(status) if done else 0
            if done:
                running.remove(pid)
            if code or time.monotonic() > end:
                for other in running:
                    (os.killpg if group else os.kill)(other, signal.SIGKILL)
                    os.waitpid(other, 0)
                return code or -signal.SIGKILL
        time.sleep(0.002)
    return 0


def outcome(work_dir: Path) -> dict:
    """Return everything that must not depend on kills."""
    (last,) = work_dir.glob('epoch_*.pth')
    ((best,),) = stored_bests(work_dir).values()
    content = torch.load(last, weights_only=True)
    kept = ('state_dict', 'optimizer', 'param_schedulers', 'random_states')
    records = read_log(work_dir)
    return dict(
        {key: content[key] for key in kept},
        name_of_last=last.name,
        name_of_best=Path(best.path).name,
        best=torch.load(best.path, weights_only=True)['state_dict'],
        score=best.score,
        losses=training_curve(records),
        scores=validation_curve(records),
        partial=sorted(path.name for path in work_dir.glob('*.partial')),
    )


def outcomes(mode: str, work_dir: Path) -> dict:
    """Return the outcome of a training, or of each run of a study and its test."""
    if mode != 'study':
        return outcome(work_dir)
    runs = sorted(work_dir.glob('[ab]/seed0'))
    return {
        run.parent.name: (outcome(run), (run / 'test/result.json').read_text())
        for run in runs
    }


def differences(a: object, b: object, name: str = '') -> List[str]:
    """Return the names of the values in which two nested objects differ."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return [] if torch.equal(a, b) else [name]
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        pairs = [(key, a[key], b[key]) for key in a]
    elif isinstance(a, (list, tuple)) and type(a) is type(b) and len(a) == len(b):
        pairs = [(i, *both) for i, both in enumerate(zip(a, b, strict=True))]
    else:
        return [] if a == b else [name]
    return [d for key, *both in pairs for d in differences(*both, f'{name}.{key}')]


class Kill(NamedTuple):
    """Where to kill: before a file operation, or after some seconds."""

    operation: Optional[int]
    seconds: Optional[float]
    group: bool  # whether to kill the processes of a study with it


def disturbed(mode: str, job: Path, work_dir: Path, kill: Kill) -> Optional[dict]:
    """Kill a training, resume it and return its outcome; None if it ended before."""
    shutil.rmtree(work_dir, ignore_errors=True)
    work_dir.with_name(f'{work_dir.name}.log').unlink(missing_ok=True)
    pids = start(mode, job, work_dir, False, kill.operation)
    if wait(pids, kill.seconds, kill.group) == 0:
        return None
    time.sleep(1 - time.time() % 1)  # a log folder is named after the second
    if code := wait(start(mode, job, work_dir, True)):
        raise RuntimeError(f'exit code {code}, see {work_dir}.log')
    return outcomes(mode, work_dir)


def compare(
    mode: str, job: Path, expected: dict, folder: Path, kill: Kill
) -> Optional[bool]:
    """Return whether a killed training ends as expected; print what differs."""
    try:
        found = disturbed(mode, job, folder / 'killed', kill)
        if found is None:
            return None
        wrong = differences(expected, found)
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        wrong = [f'{type(error).__name__}: {error}']
    if wrong:
        print(f'{kill}: {", ".join(wrong[:8])}', flush=True)
    return not wrong


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('mode', choices=['train', 'ddp', 'study'])
    parser.add_argument('--kills', type=int, default=100)
    parser.add_argument('--seed', type=int, default=0, help='of the random moments')
    parser.add_argument(
        '--folder', type=Path, required=True, help='work folder, which must not exist'
    )
    return parser.parse_args()


def main() -> None:
    """Print a table of kills and outcomes; exit with 1 if one differs."""
    args = parse_args()
    args.folder.mkdir(parents=True)
    folder = args.folder.resolve()
    job, whole = write_job(folder)[args.mode], folder / 'whole'
    begin = time.monotonic()
    if code := wait(start(args.mode, job, whole, False)):
        sys.exit(f'the undisturbed run ended with {code}, see {whole}.log')
    length, expected = time.monotonic() - begin, outcomes(args.mode, whole)
    operations = int((folder / 'whole.operations').read_text())
    print(f'undisturbed: {length:.1f} s, {operations} file operations', flush=True)

    moments, counts, done = random.Random(args.seed), Counter(), 0
    while done < args.kills:
        group = args.mode == 'study' and done % 4 > 1
        kill = Kill(None, moments.uniform(0, length), group)
        if done % 2 == 0:
            kill = Kill(done * operations // args.kills + 1, None, group)
        same = compare(args.mode, job, expected, folder, kill)
        done += same is not None or kill.operation is not None
        if same is None:
            continue
        counts[KINDS[kill.operation is None], same] += 1
    print(f'\n| {args.mode}: killed | identical | different |\n|---|---|---|')
    for kind in KINDS:
        print(f'| {kind} | {counts[kind, True]} | {counts[kind, False]} |')
    sys.exit(any(not same for _, same in counts))


if __name__ == '__main__':
    main()
