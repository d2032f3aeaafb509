import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d, DecoupledLinear
from tests.helpers import randomise
from tests.models.layers.decoupled_oracle import respond, vector_norm


@torch.no_grad()
@pytest.mark.parametrize(
    ('magnitude', 'angle'),
    [('tanh', 'cosine'), ('mix', 'sigmoid'), ('weighted_tanh', 'learnable_sigmoid')],
)
def test_operators_equal_loop(magnitude, angle):
    layer = DecoupledLinear(5, 3, magnitude=magnitude, angle=angle, k=0.3, bias=True)
    layer = randomise(layer, 1.0).double()
    x = torch.randn(4, 5, dtype=torch.float64)
    norms = [vector_norm(row) for row in x]
    mean = sum(norms) / len(norms)
    expected = torch.tensor(
        [
            [respond(layer, k, row, layer.weight[k], r, mean) for k in range(3)]
            for row, r in zip(x, norms, strict=True)
        ],
        dtype=torch.float64,
    )
    assert_close(layer(x), expected)


def test_is_the_convolution_of_a_single_position():
    layer = randomise(DecoupledLinear(5, 3, magnitude='segmented'))
    conv = DecoupledConv2d(5, 3, 1, magnitude='segmented')
    state = {name: value for name, value in layer.state_dict().items()}
    state['weight'] = state['weight'][:, :, None, None]
    conv.load_state_dict(state)
    x = torch.randn(4, 5)
    assert_close(layer(x), conv(x[:, :, None, None]).flatten(1))


def test_leading_dimensions_are_kept():
    layer = randomise(DecoupledLinear(5, 3)).eval()
    x = torch.randn(2, 7, 5)
    assert_close(layer(x), layer(x.flatten(0, 1)).view(2, 7, 3))


@pytest.mark.parametrize('shape', [(2, 10), (2, 4), (5, 2)])
def test_another_number_of_features_is_named(shape):
    message = rf'\({shape[0]}, {shape[1]}\) must be \(..., 5\)'
    with pytest.raises(ValueError, match=message):
        DecoupledLinear(5, 3)(torch.randn(shape))


def test_gradcheck():
    layer = randomise(DecoupledLinear(4, 3, angle='sigmoid'), 1.0).double()
    x = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(layer.eval(), (x,))


def test_float16_overflows_neither_in_the_norm_nor_in_the_product():
    """Input and kernels are parallel: their product, 90,510, is beyond float16."""
    layer = DecoupledLinear(8192, 3, magnitude='sphere')
    torch.nn.init.ones_(layer.weight)
    x = torch.full((2, 8192), 1e3)
    with torch.autocast('cpu', dtype=torch.float16):
        assert_close(layer(x), torch.ones(2, 3, dtype=torch.float16))
    assert_close(layer.half()(x.half()), torch.ones(2, 3, dtype=torch.float16))
