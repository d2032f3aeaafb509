"""Outcomes of each condition: values, independence of interruptions, seeds."""

import pytest
import torch
from torch.testing import assert_close

from mmadf.experiments.robustness.attacks import AttackOptions
from mmadf.experiments.robustness.conditions import Condition, plan_conditions
from mmadf.experiments.robustness.corruptions import corrupt
from mmadf.experiments.robustness.evaluate import Evaluation, batch_seed
from mmadf.experiments.robustness.masking import masking_warnings
from mmadf.experiments.robustness.records import Records
from mmadf.experiments.robustness.summary import summarise
from tests.experiments.robustness.toys import SIZE, Linear, Masked, halves, images

CLEAN = Condition('clean')
OPTIONS = AttackOptions(steps=4, autoattack_steps=4, queries=60, batch_size=5)


def job(conditions, network=None, source=None, options=OPTIONS, **changes):
    network = network or Linear(halves())
    return Evaluation(network, *images(), conditions, options, source, **changes)


def evaluated(folder, work):
    records = Records(folder, {})
    list(work.run(records))
    return records


def test_clean_outcomes_equal_a_loop(tmp_path):
    work = job([CLEAN], Linear(torch.randn(3, 3, SIZE, SIZE)))
    outcomes = evaluated(tmp_path, work).of(CLEAN)
    assert [len(o.correct) for o in outcomes] == [5, 5, 2]
    found = zip(
        *(sum((list(o[field]) for o in outcomes), []) for field in range(3)),
        strict=True,
    )
    for image, label, (correct, confidence, brier) in zip(
        work.images, work.labels, found, strict=True
    ):
        p = work.network(image[None].double().float() / 255)[0].exp()
        p = p / p.sum()
        assert correct == int(p.argmax() == label)
        assert confidence == pytest.approx(p.max().item(), rel=1e-4)
        expected = sum((p[k] - (k == label).float()) ** 2 for k in range(3))
        assert brier == pytest.approx(expected.item(), rel=1e-3, abs=1e-6)


def test_transferred_attacks_follow_the_gradients_of_the_other_network(tmp_path):
    """The source is blind for the red channel, the target for the others."""
    pytest.importorskip('art')
    red, rest = halves(), halves()
    red[:, 1:], rest[:, :1] = 0, 0
    conditions = plan_conditions(['fgsm'], [4, 12], True, [], [])
    for source, left in ((Linear(rest), 1), (Linear(red), 0)):
        folder = tmp_path / str(left)
        records = evaluated(folder, job(conditions, Linear(red), source))
        for eps, right in ((4, 1), (12, 0)):  # the margin ends at 7.5
            outcomes = records.of(Condition('attack', 'fgsm', eps))
            assert {c for o in outcomes for c in o.correct} == {right}
        transferred = records.of(Condition('transfer', 'fgsm', 12))
        away = [c for o in transferred for c in o.correct]
        assert away == [left] * 12


@pytest.mark.parametrize(('classes', 'bgr'), [(2, False), (3, True)])
def test_source_that_reads_other_images_is_refused(classes, bgr):
    source = Linear(halves(classes))
    source.reads_bgr = bgr
    conditions = plan_conditions(['fgsm'], [8], True, [], [])
    with pytest.raises(ValueError, match="transfer: .*'classes': 3, 'bgr': False"):
        job(conditions, source=source)


def test_images_too_small_for_corruptions_are_refused():
    with pytest.raises(ValueError, match=r'image size \(12, 12\): .*32x32'):
        job([Condition('corruption', 'fog', 1.0)])


def test_recorded_batches_are_not_computed_again(tmp_path, capsys):
    pytest.importorskip('art')
    conditions = plan_conditions(['pgd'], [4, 8], False, [], [])
    whole = evaluated(tmp_path / 'a', job(conditions))
    lines = (tmp_path / 'a' / 'records.jsonl').read_text().splitlines(keepends=True)
    (tmp_path / 'b').mkdir()
    (tmp_path / 'b' / 'records.jsonl').write_text(''.join(lines[:4]))
    calls = []

    class Counting(Linear):
        def forward(self, pixels):
            calls.append(len(pixels))
            return super().forward(pixels)

    capsys.readouterr()
    resumed = evaluated(tmp_path / 'b', job(conditions, Counting(halves())))
    bar = capsys.readouterr().err
    assert ' 17/36 ' in bar and ' 36/36 ' in bar
    assert sum(calls) > 0
    for key, outcome in whole.outcomes.items():
        assert resumed.outcomes[key].correct == outcome.correct
        assert_close(resumed.outcomes[key].brier, outcome.brier)
    work = job(conditions, Counting(halves()))
    calls.clear()
    evaluated(tmp_path / 'b', work)
    assert calls == []


def test_every_batch_is_written_before_the_next(tmp_path):
    class Breaking(Linear):
        left = 2

        def forward(self, pixels):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return super().forward(pixels)

    with pytest.raises(KeyboardInterrupt):
        evaluated(tmp_path, job([CLEAN], Breaking(halves())))
    assert len(Records(tmp_path, {}).of(CLEAN)) == 2


def test_seed_determines_the_outcomes(tmp_path):
    pytest.importorskip('art')
    noisy = Linear(torch.randn(3, 3, SIZE, SIZE))
    conditions = [Condition('attack', 'pgd', 2.0)]
    found = [
        evaluated(tmp_path / str(i), job(conditions, noisy, seed=seed)).outcomes
        for i, seed in enumerate((0, 0, 1))
    ]
    first, again, other = ([o.brier for o in f.values()] for f in found)
    assert first == again
    assert first != other


def test_network_sees_the_corrupted_images_of_each_batch(tmp_path):
    pytest.importorskip('imagecorruptions')
    big = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8).repeat(7, 1, 1, 1)
    seen = []

    class Seeing(Linear):
        reads_bgr = True

        def forward(self, pixels):
            seen.append(pixels)
            return super().forward(pixels[..., :SIZE, :SIZE])

    condition = Condition('corruption', 'frost', 3.0)
    labels = torch.zeros(7, dtype=torch.long)
    work = Evaluation(Seeing(halves()), big, labels, [condition], OPTIONS, seed=4)
    evaluated(tmp_path, work)
    for batch, (pixels, count) in enumerate(zip(seen, (5, 2), strict=True)):
        seed = batch_seed(4, condition, batch)
        expected = corrupt(big[:count], 'frost', 3, seed, bgr=True)
        assert_close(pixels, expected.float() / 255)
    assert not torch.equal(seen[0][:2], seen[1])


def test_each_batch_of_each_condition_has_a_seed_of_its_own():
    conditions = plan_conditions(['pgd', 'fgsm'], [1, 2], True, ['fog'], [1, 2])
    seeds = {
        batch_seed(seed, condition, batch)
        for seed in (0, 1)
        for condition in conditions
        for batch in range(3)
    }
    assert len(conditions) == 11
    assert len(seeds) == 2 * 11 * 3


@pytest.mark.slow
def test_masked_gradients_are_detected(tmp_path):
    """Both networks decide alike, but one of them has no gradients."""
    pytest.importorskip('art')
    pytest.importorskip('torchmetrics')
    attacks = ['fgsm', 'pgd', 'autoattack']
    conditions = plan_conditions(attacks, [40, 255], True, [], [])
    options = OPTIONS._replace(queries=150)
    warnings = {}
    for name, network in (('open', Linear), ('masked', Masked)):
        work = job(conditions, network(halves()), Linear(halves()), options)
        rows = summarise(evaluated(tmp_path / name, work), 12)
        warnings[name] = masking_warnings(rows)
    assert warnings['open'] == []
    text = '\n'.join(warnings['masked'])
    for sign in (
        'transferred from another network leaves 0.00 %',
        'eps 40/255: AutoAttack leaves',
        'under an unbounded perturbation',
    ):
        assert sign in text
