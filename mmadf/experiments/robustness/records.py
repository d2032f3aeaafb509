"""Outcomes in a file, one line per batch, so that an interruption loses none."""

import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from mmadf.utils.files import atomic_write

from .conditions import Condition


class Outcome(NamedTuple):
    """The outcome of one batch.

    Per image: whether the prediction is `correct`, its `confidence`, i.e. the maximum
    probability, and the `brier` score; `seconds` for the whole batch.
    """

    correct: List[int]
    confidence: List[float]
    brier: List[float]
    seconds: float


class Records:
    """Outcomes by condition and batch, in a file to which lines are only appended.

    Args:
        folder: folder of `settings.json` and `records.jsonl`; created if missing.
        settings: settings on which the outcomes depend; fixed for each folder.

    Raises:
        ValueError: the folder holds outcomes of other settings, or a damaged file.
    """

    def __init__(self, folder: Path, settings: dict) -> None:
        self.path = folder / 'records.jsonl'
        folder.mkdir(parents=True, exist_ok=True)
        _check_settings(folder / 'settings.json', settings)
        self.outcomes = _read(self.path)

    def add(self, condition: Condition, batch: int, outcome: Outcome) -> None:
        """Add an outcome; it is written to the file before this returns."""
        line = dict(condition=condition, batch=batch, **outcome._asdict())
        with open(self.path, 'a') as file:
            file.write(json.dumps(line) + '\n')
        self.outcomes[condition, batch] = outcome

    def of(self, condition: Condition) -> List[Outcome]:
        """Return the outcomes of a condition in the order of its batches."""
        keys = sorted(key for key in self.outcomes if key[0] == condition)
        return [self.outcomes[key] for key in keys]


def _read(path: Path) -> Dict[Tuple[Condition, int], Outcome]:
    """Read complete lines; a last line that an interruption cut off is removed."""
    if not path.exists():
        return {}
    text = path.read_text(errors='replace')
    complete = text[: text.rfind('\n') + 1]
    if complete != text:
        path.write_text(complete)
    outcomes = {}
    for number, line in enumerate(complete.splitlines(), start=1):
        try:
            entry = json.loads(line)
            key = Condition(*entry.pop('condition')), entry.pop('batch')
            outcomes[key] = Outcome(**entry)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f'{path}, line {number}: {line[:60]!r} is not the outcome of a batch; '
                'remove the line, and the batch is tested again.'
            ) from error
    return outcomes


def _check_settings(path: Path, settings: dict) -> None:
    """Write the settings, or compare them with those that the file contains."""
    if not path.exists():
        atomic_write(path, (json.dumps(settings, indent=2) + '\n').encode())
    try:
        known = dict(json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f'{path} is damaged; choose another folder with --out.'
        ) from error
    changed = sorted(
        name for name in {*known, *settings} if known.get(name) != settings.get(name)
    )
    if changed:
        before = {name: known.get(name) for name in changed}
        now = {name: settings.get(name) for name in changed}
        raise ValueError(
            f'{path.parent} holds outcomes of other settings: {before}, now {now}; '
            'choose another folder with --out, or use the former settings.'
        )
