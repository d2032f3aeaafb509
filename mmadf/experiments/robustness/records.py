"""Outcomes as they come, one line a batch, so that an interruption loses none."""

import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple


class Outcome(NamedTuple):
    """What a network made of one batch: by image, whether it was right, the greatest
    probability and the Brier score; and the seconds that it took.
    """

    correct: List[int]
    confidence: List[float]
    brier: List[float]
    seconds: float


class Records:
    """Outcomes by condition and batch, in a file that only grows.

    Args:
        folder: holds `settings.json` and `records.jsonl`; made where it is missing.
        settings: what outcomes depend on. Those of a folder do not change.

    Raises:
        ValueError: the folder holds outcomes of other settings.
    """

    def __init__(self, folder: Path, settings: dict) -> None:
        self.path = Path(folder) / 'records.jsonl'
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _check_settings(self.path.with_name('settings.json'), settings)
        self.outcomes = _read(self.path)

    def done(self, condition: str, batch: int) -> bool:
        """Say whether the outcome of a batch is known."""
        return (condition, batch) in self.outcomes

    def add(self, condition: str, batch: int, outcome: Outcome) -> None:
        """Keep an outcome, and write it before returning."""
        line = dict(condition=condition, batch=batch, **outcome._asdict())
        with open(self.path, 'a') as file:
            file.write(json.dumps(line) + '\n')
        self.outcomes[condition, batch] = outcome

    def of(self, condition: str) -> List[Outcome]:
        """Return the outcomes of a condition, by batch."""
        return [
            o for (name, _), o in sorted(self.outcomes.items()) if name == condition
        ]


def _read(path: Path) -> Dict[Tuple[str, int], Outcome]:
    """Read whole lines; cut off what a crash left of the last one."""
    if not path.exists():
        return {}
    text = path.read_text()
    whole = text[: text.rfind('\n') + 1]
    if whole != text:
        path.write_text(whole)
    found = {}
    for line in whole.splitlines():
        entry = json.loads(line)
        key = entry.pop('condition'), entry.pop('batch')
        found[key] = Outcome(**entry)
    return found


def _check_settings(path: Path, settings: dict) -> None:
    if not path.exists():
        path.write_text(json.dumps(settings, indent=2) + '\n')
        return
    known = json.loads(path.read_text())
    changed = sorted(
        key for key in {*known, *settings} if known.get(key) != settings.get(key)
    )
    if changed:
        was = {key: known.get(key) for key in changed}
        now = {key: settings.get(key) for key in changed}
        raise ValueError(
            f'{path.parent} holds results of other settings: {was}, now {now}; give '
            'another folder, or the settings it was begun with.'
        )
