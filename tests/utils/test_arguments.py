import pytest

from mmadf.utils.arguments import check_switches


@pytest.mark.parametrize('value', ['no', 0, None])
def test_switch_that_is_neither_true_nor_false_is_named(value):
    check_switches('Pool', ceil=True, floor=False)
    with pytest.raises(TypeError, match=f'Pool: floor={value!r} must be True or False'):
        check_switches('Pool', ceil=True, floor=value)
