"""Rows of a robustness test with known numbers."""

from mmadf.experiments.robustness.summary import Row


def row(kind='attack', name='pgd', strength=8.0, accuracy=50.0, **changes):
    cells = dict(images=100, ece=0.1, brier=0.5, seconds=1.0, **changes)
    return Row(kind, name, strength, accuracy=accuracy, **cells)


ROWS = [
    row('clean', '', 0.0, 80.0),
    row(name='fgsm', strength=1.0, accuracy=60.0),
    row(strength=1.0, accuracy=55.0),
    row(strength=8.0, accuracy=5.0),
    row('transfer', 'fgsm', 8.0, 40.0),
    row('corruption', 'fog', 1.0, 70.0),
    row('corruption', 'snow', 1.0, 60.0),
    row('corruption', 'fog', 2.0, 50.0),
]
