"""Studies: several network variants, each trained with several random seeds."""

from .jobs import run_all, visible_gpus
from .plan import Run, load_study, write_runs
from .results import Result, cost_of, read_results
from .summary import readout_rows, run_rows, summarise
from .worker import RunError

__all__ = [
    'Result',
    'Run',
    'RunError',
    'cost_of',
    'load_study',
    'read_results',
    'readout_rows',
    'run_all',
    'run_rows',
    'summarise',
    'visible_gpus',
    'write_runs',
]
