"""Writes the tables and figures of a study, or of a robustness test, to its folder."""

import json
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from mmengine.config import Config

from mmadf.analysis.tables import write_csv
from mmadf.utils.files import atomic_write

from .plots import plot_cost, plot_learning_curves, plot_robustness_comparison
from .robustness.masking import masking_warnings
from .robustness.summary import Row, average, common_conditions
from .studies.results import Result, tested_split
from .studies.summary import readout_rows, run_rows, summarise
from .tables import (
    comparison_table,
    readout_table,
    robustness_tables,
    study_table,
)

RESULTS = 'results.json'
NOT_HELD_OUT = (
    'The results are of the validation images, which also selected the checkpoint of '
    'each run.'
)


def write_study_report(study: Config, results: Sequence[Result]) -> str:
    """Write the report of a study to the folder of its records.

    It consists of `table.md`, `table.csv`, `runs.csv`, `curves.png` and `cost.png`, and
    of `readouts.csv` if a network has several readouts. With a control other than that
    of the study, the tables are called `table_to_<control>.md` and so on.

    Args:
        study: see `load_study`.
        results: see `read_results`.

    Returns:
        The content of `table.md`, '' if there are no results.
    """
    if not results:
        return ''
    folder, metric, control = Path(study.records), study.metric, study.control
    rows, split = summarise(results, control), tested_split(results)
    text = study_table(rows, metric, control, split)
    if readouts := readout_rows(results, control):
        text += '\n\n' + readout_table(readouts, metric, control, split)
        write_csv(readouts, folder / f'readouts{study.suffix}.csv')
    if split != 'test':
        text += f'\n\n{NOT_HELD_OUT}'
    (folder / f'table{study.suffix}.md').write_text(text + '\n', encoding='utf-8')
    write_csv(rows, folder / f'table{study.suffix}.csv')
    write_csv(run_rows(results), folder / 'runs.csv')
    plot_learning_curves(results, metric, folder / 'curves.png')
    plot_cost(rows, metric, folder / 'cost.png', split)
    return text


def write_robustness_report(rows: Sequence[Row], settings: dict, folder: Path) -> str:
    """Write `table.md`, `table.csv` and `results.json` of a robustness test.

    Args:
        rows: see `robustness.summary.summarise`.
        settings: settings of the test, see `Records`.
        folder: existing folder.

    Returns:
        The content of `table.md`.
    """
    warnings = masking_warnings(rows)
    text = robustness_tables(rows, settings, warnings)
    (folder / 'table.md').write_text(text + '\n', encoding='utf-8')
    write_csv([row._asdict() for row in rows], folder / 'table.csv')
    results = dict(
        settings=settings, rows=[row._asdict() for row in rows], warnings=warnings
    )
    content = json.dumps(results, indent=1) + '\n'
    atomic_write(folder / RESULTS, content.encode())
    return text


def write_robustness_comparison(
    results: Dict[str, Sequence[Sequence[Row]]], path: Path
) -> str:
    """Write the figure of a comparison of networks, and its table next to it.

    Args:
        results: by network, the rows of each test; one test per training seed.
        path: image file to write; the table has the same name and the suffix `.md`.

    Returns:
        The content of the table, and the signs of gradient masking.
    """
    parts = [comparison_table(results)]
    for name, tests in results.items():
        (complete,) = common_conditions({name: tests}).values()
        for text in masking_warnings(average(complete)):
            parts.append(f'{name}: possible gradient masking: {text}')
    text = '\n\n'.join(parts)
    plot_robustness_comparison(results, path)
    path.with_suffix('.md').write_text(text + '\n', encoding='utf-8')
    return text


def read_robustness_report(folder: Path) -> Tuple[List[Row], dict]:
    """Return the rows and settings that `write_robustness_report` has written.

    Raises:
        FileNotFoundError: the folder has no `results.json`.
        ValueError: the file is damaged.
    """
    path = folder / RESULTS
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} does not exist; run tools/robustness.py with --out {folder} first.'
        )
    try:
        results = json.loads(path.read_bytes())
        return [Row(**row) for row in results['rows']], results['settings']
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f'{path} is damaged, or not of tools/robustness.py; repeat its command '
            f'with --out {folder}. {type(error).__name__}: {error}'
        ) from error
