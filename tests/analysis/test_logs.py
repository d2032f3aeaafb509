import json

import pytest

from mmadf.analysis import (
    read_log,
    training_curve,
    training_seconds,
    validation_curve,
    validation_unit,
)
from tests.helpers import named


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


def test_run_by_iterations_however_validations_are_noted():
    for (first, second), expected in {(0, 0): [50, 100], (70, 120): [70, 120]}.items():
        records = [train(50, 3.0), val(first, 1.0), train(100, 2.0), val(second, 4.0)]
        assert validation_unit(records) == 'iteration'
        assert validation_curve(records) == (expected, [1.0, 4.0])


@pytest.mark.parametrize('noted', [(0, 0, 0), (3, 6, 9)])
def test_run_by_iterations_whose_training_records_name_the_first_epoch(noted):
    records = []
    for step, top1, value in zip(noted, (1.0, 4.0, 2.0), (3, 6, 9), strict=True):
        records += [train(value, 3.0, epoch=1), val(step, top1)]
    assert validation_unit(records) == 'iteration'
    assert validation_curve(records) == ([3, 6, 9], [1.0, 4.0, 2.0])


def test_prolonged_run_by_iterations_may_name_a_second_epoch():
    first = [train(3, 3.0, epoch=1), val(0, 1.0), train(6, 3.0, epoch=1), val(0, 4.0)]
    records = [*first, train(9, 2.0, epoch=2), val(1, 2.0)]
    assert validation_unit(records) == 'iteration'
    assert validation_curve(records) == ([3, 6, 9], [1.0, 4.0, 2.0])


def test_run_of_one_epoch_is_by_epochs():
    records = [train(4, 3.0, epoch=1), val(1, 20.0)]
    assert validation_unit(records) == 'epoch'
    assert validation_unit(records[:1]) == 'epoch'


def test_metrics_that_are_lists_are_no_curves():
    records = [train(5, 1.0), val(5, 7.0, classwise=[3.0, 4.0])]
    message = r"'classwise' has .* as a number; .* \['accuracy/top1'\]"
    with pytest.raises(ValueError, match=message):
        validation_curve(records, 'classwise')


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


def test_a_damaged_line_is_refused_with_its_file_and_number(tmp_path):
    write(tmp_path, '20260101_000000', BY_EPOCH[:1])
    log = tmp_path / '20260101_000000' / 'vis_data' / 'scalars.json'
    whole, place = log.read_text(), r'000000/vis_data/scalars\.json, line 2: '
    for line in ('garbage', '\0\0', '[1]', '{"loss": 1.0}'):
        log.write_text(whole + line + '\n')
        with named(line), pytest.raises(ValueError, match=place):
            read_log(tmp_path)


@pytest.fixture
def start(tmp_path):
    """Write log and config of one start of a run, each a record longer."""

    def _start(day, resume, load_from=None, lr=0.1, data_root='data'):
        name = f'2026010{day}_000000'
        write(tmp_path, name, [train(step, 3.0) for step in range(1, day + 1)])
        config = f'lr = {lr}\nmodel = dict(\n    resume=False)\n'
        config += f'loader = dict(dataset=dict(\n    data_root={data_root!r}))\n'
        config += f'load_from = {load_from!r}\nresume = {resume}\n'
        (tmp_path / name / 'vis_data' / 'config.py').write_text(config)

    return _start


def steps(work_dir):
    return [record['step'] for record in read_log(work_dir)]


def test_logs_of_resumed_starts_are_one_run(start, tmp_path):
    start(1, False)
    start(2, True, load_from='epoch_1.pth', lr=0.2)  # deliberately changed
    assert steps(tmp_path) == [1, 1, 2]


def test_a_start_with_nothing_to_resume_makes_earlier_logs_void(start, tmp_path):
    start(1, False)
    start(2, False)
    start(3, True, load_from='epoch_1.pth')
    assert steps(tmp_path) == [1, 2, 1, 2, 3]


def test_data_may_be_moved_between_two_starts(start, tmp_path):
    start(1, False)
    start(2, False, data_root='elsewhere')
    assert steps(tmp_path) == [1, 2]


def test_logs_of_runs_of_different_configs_are_refused(start, tmp_path):
    start(1, False)
    start(2, False, lr=0.2)
    with pytest.raises(ValueError, match='20260102_000000 did not resume 20260101_'):
        read_log(tmp_path)


def test_a_folder_without_log_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='work_dir=.* contains no training log'):
        read_log(tmp_path)
