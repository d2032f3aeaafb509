import json

import pytest

from mmadf.analysis import (
    read_log,
    training_curve,
    training_seconds,
    validation_curve,
    validation_unit,
)


def write(work_dir, start, records):
    """Write what one start of a run logged."""
    folder = work_dir / start / 'vis_data'
    folder.mkdir(parents=True)
    lines = [json.dumps(record) for record in records]
    (folder / 'scalars.json').write_text('\n'.join(lines) + '\n')


def train(step, loss, **more):
    return dict(lr=0.1, loss=loss, time=0.2, iter=step, step=step, **more)


def val(step, top1, **more):
    return {'accuracy/top1': top1, 'time': 0.1, 'step': step, **more}


BY_EPOCH = [
    train(10, 3.0, epoch=1, semantic_loss=2.0),
    val(1, 20.0),
    train(20, 2.0, epoch=2, semantic_loss=1.5),
    val(2, 30.0),
]


def test_run_by_epochs():
    assert validation_unit(BY_EPOCH) == 'epoch'
    assert training_curve(BY_EPOCH) == ([10, 20], [3.0, 2.0])
    assert training_curve(BY_EPOCH, 'semantic_loss') == ([10, 20], [2.0, 1.5])
    assert validation_curve(BY_EPOCH) == ([1, 2], [20.0, 30.0])


@pytest.mark.parametrize(
    ('noted', 'expected'), [((0, 0), [50, 100]), ((70, 120), [70, 120])]
)
def test_run_by_iterations_however_validations_are_noted(noted, expected):
    records = [train(50, 3.0), val(noted[0], 1.0), train(100, 2.0), val(noted[1], 4.0)]
    assert validation_unit(records) == 'iteration'
    assert validation_curve(records) == (expected, [1.0, 4.0])


def test_resumed_run_is_one_curve_in_which_the_later_values_count(tmp_path):
    write(tmp_path, '20260101_000000', [train(1, 9.0), train(2, 8.0), train(3, 7.0)])
    write(tmp_path, '20260102_000000', [train(3, 6.0), val(3, 5.0), train(4, 5.0)])
    records = read_log(tmp_path)
    assert len(records) == 6
    assert training_curve(records) == ([1, 2, 3, 4], [9.0, 8.0, 6.0, 5.0])
    assert validation_curve(records) == ([3], [5.0])


def test_curves_are_in_order_of_iterations_also_where_a_resumed_run_logs_others():
    records = [train(10, 3.0), train(30, 2.0), train(20, 2.5)]
    assert training_curve(records) == ([10, 20, 30], [3.0, 2.5, 2.0])


def test_another_metric():
    records = [train(5, 1.0), val(5, 7.0, **{'accuracy/top5': 9.0})]
    assert validation_curve(records, 'accuracy/top5') == ([5], [9.0])


def test_training_time_is_that_of_all_iterations_repeated_ones_once():
    first, again = train(10, 3.0), train(10, 3.0)
    first['time'], again['time'] = 9.0, 0.5
    records = [first, val(1, 20.0), again, train(25, 2.0), val(2, 30.0)]
    assert training_seconds(records) == pytest.approx(10 * 0.5 + 15 * 0.2)


def test_an_unknown_metric_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"metric='f1' .*\['accuracy/top1'\]"):
        validation_curve(BY_EPOCH, 'f1')


@pytest.mark.parametrize('line', ['garbage', '\0\0', '[1]', '{"loss": 1.0}'])
def test_a_damaged_line_is_refused_with_its_file_and_number(line, tmp_path):
    write(tmp_path, '20260101_000000', BY_EPOCH[:1])
    log = tmp_path / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.write_text(log.read_text() + line + '\n')
    with pytest.raises(ValueError, match=r'000000/vis_data/scalars\.json, line 2: '):
        read_log(tmp_path)


@pytest.mark.parametrize('resumed', [True, False])
def test_logs_of_different_runs_are_refused(resumed, tmp_path):
    for start in ('20260101_000000', '20260102_000000'):
        write(tmp_path, start, BY_EPOCH[:1])
        config = f'model = dict(resume=False)\nresume = {resumed}\nwork_dir = "x"\n'
        (tmp_path / start / 'vis_data' / 'config.py').write_text(config)
    if resumed:
        assert read_log(tmp_path) == BY_EPOCH[:1] * 2
        return
    with pytest.raises(ValueError, match='20260102_000000 did not resume 20260101_'):
        read_log(tmp_path)


def test_a_folder_without_log_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='work_dir=.* contains no training log'):
        read_log(tmp_path)
