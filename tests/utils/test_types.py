import pytest
from mmengine.hooks import EMAHook

from mmadf.utils.types import type_name


@pytest.mark.parametrize(
    'kind', ['EMAHook', 'mmengine.EMAHook', 'mmengine.hooks.ema_hook.EMAHook', EMAHook]
)
def test_names_and_classes_give_the_name_of_the_class(kind):
    assert type_name(kind) == 'EMAHook'


def test_missing_type_has_an_empty_name():
    assert type_name(None) == ''
