"""The rows of the table of networks of timm."""

import pytest

from mmadf.experiments.timm_networks import check_network

pytest.importorskip('timm')


@pytest.mark.slow
def test_a_network_is_cut_exactly_and_deployed_with_rounding_only():
    name, count, cut, deployed, exported = check_network('mambaout_femto', size=64)
    assert (name, count, exported) == ('mambaout_femto', '4', '')
    assert float(cut) == 0
    assert float(deployed) < 1e-6


def test_the_row_of_a_refused_network_states_the_reason():
    name, reason, *rest = check_network('hrnet_w18_small', size=64)
    assert 'side by side' in reason
    assert rest == ['', '', '']
