"""Tables and pictures of what is finished of a study."""

from pathlib import Path
from typing import List, Sequence

from mmengine.config import Config

from mmadf.analysis import counts_epochs, read_log
from mmadf.analysis.tables import write_csv

from .picture import draw_costs, draw_curves
from .plan import Run
from .results import by_variant, cost_of, read_results
from .rows import readout_rows, run_rows, summarise
from .table import markdown, readout_markdown


def write_report(study: Config, runs: Sequence[Run]) -> str:
    """Write tables and pictures to the study's folder.

    These are `table.md`, `table.csv`, `runs.csv`, `curves.png` and `cost.png`, and
    `readouts.csv` where a network has several readouts; `table.md` holds them too.

    Args:
        study: see `load_study`.
        runs: see `write_runs`; those that are not finished are left out.

    Returns:
        The Markdown tables, '' where no run is finished.
    """
    results = read_results(runs, study.metric)
    if not results:
        return ''
    folder = Path(study.work_dir)
    costs = {name: cost_of(group[0].run) for name, group in by_variant(results).items()}
    rows = summarise(results, study.control, costs)
    table = markdown(rows, study.metric, study.control)
    if readouts := readout_rows(results, study.control):
        table += '\n\n' + readout_markdown(readouts, study.metric, study.control)
        write_csv(readouts, folder / 'readouts.csv')
    (folder / 'table.md').write_text(table + '\n')
    write_csv(rows, folder / 'table.csv')
    write_csv(run_rows(results), folder / 'runs.csv')
    unit = _unit([result.run for result in results])
    draw_curves(results, study.metric, unit, folder / 'curves.png')
    draw_costs(rows, study.metric, folder / 'cost.png')
    return table


def _unit(runs: List[Run]) -> str:
    return 'epoch' if counts_epochs(read_log(runs[0].work_dir)) else 'iteration'
