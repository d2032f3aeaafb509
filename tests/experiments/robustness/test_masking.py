"""Signs of gradient masking, at both sides of each threshold."""

import pytest

from mmadf.experiments.robustness.masking import masking_warnings
from tests.experiments.robustness.examples import row


def white(**accuracies):
    return [row(name=name, accuracy=a) for name, a in accuracies.items()]


@pytest.mark.parametrize(
    ('rows', 'sign'),
    [
        (white(fgsm=40.0, pgd=42.1), 'one step is stronger than many'),
        (white(fgsm=60.1, bim=40.0, pgd=45.0), 'FGSM is too weak'),
        (white(pgd=45.1, autoattack=40.0), 'PGD fails where other'),
        (
            [*white(pgd=50.0, autoattack=45.0), row('transfer', 'bim', accuracy=47.9)],
            'BIM transferred from another network leaves 47.90 %, white-box PGD',
        ),
        ([row(strength=128.0, accuracy=1.1)], '1.10 % under an unbounded perturbation'),
    ],
    ids=['one step stronger', 'FGSM alone', 'ensemble', 'transfer', 'unbounded'],
)
def test_sign_of_masking_is_reported_with_its_eps(rows, sign):
    (found,) = masking_warnings(rows)
    assert f'eps {rows[0].strength:g}/255: ' in found and sign in found


USUAL = [
    white(fgsm=40.0, pgd=42.0),
    white(fgsm=60.0, bim=40.0, pgd=45.0),
    white(pgd=45.0, autoattack=40.0),
    white(fgsm=90.0),
    [row(), row('transfer', 'bim', accuracy=48.0)],
    [row('transfer', 'bim', accuracy=48.0)],
    [row(name='autoattack', accuracy=90.0), row('transfer', 'bim', accuracy=48.0)],
    [row(strength=128.0, accuracy=1.0), row(name='fgsm', strength=128.0)],
    [row(strength=127.0, accuracy=30.0)],
    [row(), row('transfer', 'pgd', strength=16.0, accuracy=1.0)],
]


def test_usual_results_are_not_reported():
    for rows in USUAL:
        assert masking_warnings(rows) == [], rows


def test_autoattack_that_leaves_more_than_pgd_is_no_sign_of_masking():
    assert masking_warnings(white(pgd=40.0, autoattack=46.0)) == []
