"""A job on a real Slurm of one node, which the test starts."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
import torch

from tests.conftest import ROOT

PROGRAMS = ('slurmctld', 'slurmd', 'sbatch', 'srun', 'squeue', 'scontrol', 'sinfo')
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
KillWait=20
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES PriorityTier=10 PreemptMode=OFF
PartitionName=preemptible Nodes=ALL PriorityTier=1 PreemptMode=REQUEUE
"""


def reason_to_skip():
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f'{", ".join(missing)} not installed'
    if os.geteuid() != 0:
        return 'only root can start the daemons of Slurm'
    return None


def free_ports(count):
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_until(condition, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Start a Slurm of one node; return a function that runs one of its commands."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    folder = tmp_path / 'slurm'
    for name in ('spool', 'state'):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().split('.')[0]
    conf = CONF.format(folder=folder, host=host, ports=free_ports(2))
    (folder / 'slurm.conf').write_text(conf)
    for name in [name for name in os.environ if name.startswith('SLURM')]:
        monkeypatch.delenv(name)
    monkeypatch.setenv('SLURM_CONF', str(folder / 'slurm.conf'))

    def _slurm(*command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    subprocess.run(['slurmctld', '-c'], check=True)
    try:
        subprocess.run(['slurmd'], check=True)
        wait_until(lambda: _slurm('sinfo', '-h', '-p', 'main', '-o', '%T') == 'idle')
        yield _slurm
    finally:
        _slurm('scancel', '--user=root')
        wait_until(lambda: not _slurm('squeue', '-h'))  # else its processes remain
        for pid in folder.glob('*.pid'):
            os.kill(int(pid.read_text()), signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_preempted_job_ends_with_the_weights_of_an_undisturbed_run(
    cluster, job, tool, run, tmp_path
):
    epochs = '--cfg-options', 'train_cfg.max_epochs=60'
    script = ROOT / 'tools/slurm_train.sh'
    work = tmp_path / 'work'
    environment = dict(GPUS='0', CPUS_PER_TASK='1', BATCH='1')
    run('bash', script, 'preemptible', 'adf', job, work, *epochs, **environment)
    wait_until(lambda: list(work.glob('epoch_*.pth')))
    cluster('srun', '-p', 'main', 'true')  # takes the only CPU
    (log,) = work.glob('slurm-*.log')
    assert 'Stopped by SIGTERM after iteration' in log.read_text()
    assert not (work / 'epoch_60.pth').exists()

    cluster('scontrol', 'update', 'job=1', 'StartTime=now')
    tool('train.py', job, '--work-dir', tmp_path / 'whole', *epochs)
    wait_until(lambda: not cluster('squeue', '-h'))
    assert 'resumed epoch: ' in log.read_text()
    weights = [
        torch.load(path / 'epoch_60.pth', weights_only=True)['state_dict']
        for path in (tmp_path / 'whole', work)
    ]
    assert [
        k for k in weights[0] if not torch.equal(weights[0][k], weights[1][k])
    ] == []
