"""Invalid input of tools/study.py is one line."""

import pytest


@pytest.fixture
def refused(study, calls):
    """Run the study, which must end with code 2 before any training."""

    def _refused(*words, **options):
        code, printed, errors = study(*words, **options)
        assert (code, printed, len(errors.splitlines())) == (2, '', 1)
        assert errors.startswith('study.py: error: ')
        assert not calls('train')
        return errors

    return _refused


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('data.root=no/such', 'no/such/train is not a folder'),
        ('seed=(0,1)', "unknown fields ['seed']"),
        ('variants.sum.config=gone.py', 'gone.py'),
    ],
)
def test_invalid_field_is_refused_before_training(option, message, refused):
    assert message in refused('--cfg-options', option)


def test_missing_study_is_refused(refused):
    assert "'gone.py' does not exist" in refused(study='gone.py')


def test_unknown_metric_is_refused_with_those_that_exist(refused):
    message = "metric='top1' is not computed by its val_evaluator, whose metrics start"
    assert f"{message} with ['accuracy']" in refused('--cfg-options', 'metric=top1')
