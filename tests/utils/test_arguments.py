import numpy as np
import pytest

from mmadf.utils.arguments import check_dicts, is_count


def test_value_that_is_no_dict_of_arguments_is_named():
    check_dicts('Pool', norm=None, act=dict(type='ReLU'))
    with pytest.raises(TypeError, match="Pool: act='ReLU' must be a dict of arguments"):
        check_dicts('Pool', norm=None, act='ReLU')


def test_only_positive_integers_are_counts():
    assert is_count(3) and is_count(np.int64(3))
    assert not any(map(is_count, (0, -1, 2.0, '3', None, True)))
