"""Networks side by side: several variants, several seeds, one table."""

from .devices import visible_gpus
from .jobs import run_all
from .plan import Run, load_study, write_runs
from .report import write_report

__all__ = [
    'Run',
    'load_study',
    'run_all',
    'visible_gpus',
    'write_report',
    'write_runs',
]
