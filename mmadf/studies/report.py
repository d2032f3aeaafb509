"""Table and picture of what is finished of a study."""

from pathlib import Path
from typing import List, Sequence

from mmengine.config import Config

from mmadf.evaluation import counts_epochs, read_log

from .picture import draw
from .plan import Run
from .results import by_variant, cost_of, read_results
from .table import markdown, run_rows, summarise, write_csv


def write_report(study: Config, runs: Sequence[Run]) -> str:
    """Write `table.md`, `table.csv`, `runs.csv` and `curves.png` to the study's folder.

    Args:
        study: see `load_study`.
        runs: see `write_runs`; those that are not finished are left out.

    Returns:
        The Markdown table, '' where no run is finished.
    """
    results = read_results(runs, study.metric)
    if not results:
        return ''
    folder = Path(study.work_dir)
    costs = {name: cost_of(group[0].run) for name, group in by_variant(results).items()}
    rows = summarise(results, study.control, costs)
    table = markdown(rows, study.metric, study.control)
    (folder / 'table.md').write_text(table + '\n')
    write_csv(rows, folder / 'table.csv')
    write_csv(run_rows(results), folder / 'runs.csv')
    draw(results, study.metric, _unit([r.run for r in results]), folder / 'curves.png')
    return table


def _unit(runs: List[Run]) -> str:
    return 'epoch' if counts_epochs(read_log(runs[0].work_dir)) else 'iteration'
