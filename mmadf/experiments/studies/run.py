"""One run of a study and its files."""

from pathlib import Path
from typing import NamedTuple

from .testing import RESULT


class Run(NamedTuple):
    """One network to train: a variant of a study with one seed.

    `config` is kept outside `work_dir`, because MMEngine dumps its own copy there. A
    run is finished once its `record` exists.
    """

    variant: str
    seed: int
    work_dir: Path
    config: Path
    record: Path

    @property
    def settings(self) -> Path:
        """File of what identifies the run, see `describe_run`."""
        return self.config.with_suffix('.json')

    @property
    def result(self) -> Path:
        """File of the test metrics, see `RecordingTestLoop`."""
        return self.work_dir / 'test' / RESULT

    @property
    def job(self) -> Path:
        """File of the job of Slurm that works on the run, see `run_array`."""
        return self.work_dir / 'slurm_job'

    @property
    def versions(self) -> Path:
        """File of the code versions that have trained the run, one per line."""
        return self.work_dir / 'versions.txt'


def record_path(folder: Path, variant: str, seed: int) -> Path:
    """Return the file of a record in the folder of a study."""
    return folder / f'{variant}_seed{seed}.json'
