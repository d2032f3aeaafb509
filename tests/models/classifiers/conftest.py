"""Shared by the tests of classifiers."""

import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def _scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield
