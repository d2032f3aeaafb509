"""Results of a study with known numbers."""

from mmadf.experiments.studies.results import Result


def costs(trained, deployed):
    return dict(
        trained_parameters=trained * 1_000,
        trained_multiply_adds=trained * 1_000_000,
        deployed_parameters=deployed * 1_000,
        deployed_multiply_adds=deployed * 1_000_000,
    )


COSTS = {'plain': costs(1500, 1500), 'new': costs(3100, 2250)}


def result(variant, seed, test, seconds=60.0, curve=((1, 2), (50.0, 70.0)), **readouts):
    cost = COSTS.get(variant, COSTS['new'])
    return Result(variant, seed, test, curve, 'epoch', seconds, readouts, cost)


RESULTS = [
    result('plain', 0, 80.0),
    result('new', 0, 81.0, 50.0, ((1, 2), (66.0, 75.0)), semantic=81.0, sum=83.0),
    result('plain', 1, 82.0),
    result('new', 1, 85.0, 70.0, ((1, 2), (74.0, 72.0)), semantic=85.0, sum=84.5),
]
