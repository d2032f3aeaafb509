"""Decoupled operators as slow loops over plain numbers."""

import itertools
import math

import torch
import torch.nn.functional as F

from mmadf.models.layers.decoupled import ANGLES, MAGNITUDES

EPS = 1e-4
# Each magnitude and each angle, and one pair of others.
PAIRS = [
    *((magnitude, 'cosine') for magnitude in MAGNITUDES),
    *(('tanh', angle) for angle in ANGLES if angle != 'cosine'),
    ('segmented', 'square_cosine'),
]


def magnitude(name, r, q, rho, a, b):
    return {
        'sphere': lambda: a,
        'ball': lambda: a * min(r, rho) / rho,
        'tanh': lambda: a * math.tanh(r / rho),
        'linear': lambda: a * r,
        'segmented': lambda: a * r if r <= rho else b * r + (a - b) * rho,
        'log': lambda: a * math.log(1 + r),
        'mix': lambda: a * r + b * math.log(1 + r),
        'weighted_linear': lambda: a * q,
        'weighted_tanh': lambda: a * math.tanh(r * q / rho),
        'weighted_tanh_product': lambda: a * math.tanh(q / rho) * math.tanh(r / rho),
    }[name]()


def logistic_angle(theta, k):
    """The paper's exponential form of the sigmoid angle."""
    half = math.pi / (2 * k)
    scale = (1 + math.exp(-half)) / (1 - math.exp(-half))
    e = math.exp(theta / k - half)
    return scale * (1 - e) / (1 + e)


def angle(name, cos, k):
    theta = math.acos(cos)
    return {
        'linear': lambda: 1 - 2 * theta / math.pi,
        'cosine': lambda: cos,
        'square_cosine': lambda: math.copysign(cos * cos, cos),
        'sigmoid': lambda: logistic_angle(theta, k),
        'learnable_sigmoid': lambda: logistic_angle(theta, k),
    }[name]()


def vector_norm(v):
    return math.sqrt(sum(t * t for t in v.tolist()) + EPS)


def sides(padding, kernel, dilation):
    """Padding as (left, right, top, bottom)."""
    if padding == 'valid':
        return [0, 0, 0, 0]
    if padding == 'same':
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [p for t in total[::-1] for p in (t // 2, t - t // 2)]
    return [padding[1], padding[1], padding[0], padding[0]]


@torch.no_grad()
def slow_conv(conv, x):
    """What a DecoupledConv2d in training mode gives for `x`, in float64."""
    mode = 'constant' if conv.padding_mode == 'zeros' else conv.padding_mode
    (kh, kw), (sh, sw), (dh, dw) = conv.kernel_size, conv.stride, conv.dilation
    x = F.pad(x, sides(conv.padding, (kh, kw), (dh, dw)), mode)
    n, channels, height, width = x.shape
    rows = range(0, height - dh * (kh - 1), sh)
    columns = range(0, width - dw * (kw - 1), sw)
    per_group = channels // conv.groups
    kernels_per_group = conv.out_channels // conv.groups

    patches = {}
    for b, g in itertools.product(range(n), range(conv.groups)):
        for (i, top), (j, left) in itertools.product(
            enumerate(rows), enumerate(columns)
        ):
            patches[b, g, i, j] = x[
                b,
                g * per_group : (g + 1) * per_group,
                top : top + dh * (kh - 1) + 1 : dh,
                left : left + dw * (kw - 1) + 1 : dw,
            ].flatten()
    norms = {key: vector_norm(patch) for key, patch in patches.items()}
    mean = sum(norms.values()) / len(norms)

    out = x.new_zeros(n, conv.out_channels, len(rows), len(columns))
    for (b, g, i, j), patch in patches.items():
        for kernel in range(g * kernels_per_group, (g + 1) * kernels_per_group):
            w = conv.weight[kernel].flatten()
            out[b, kernel, i, j] = respond(
                conv, kernel, patch, w, norms[b, g, i, j], mean
            )
    return out


def respond(layer, kernel, patch, w, r, mean):
    """h * g of one kernel and one patch, plus bias."""
    q = vector_norm(w)
    cos = sum(s * t for s, t in zip(patch.tolist(), w.tolist(), strict=True)) / (r * q)
    own, rho = layer.operator, None
    if own.radius is not None:
        rho = own.radius
        if isinstance(rho, torch.nn.Parameter):
            rho = rho[kernel if len(rho) > 1 else 0].item() ** 2 + EPS
        rho *= mean if hasattr(own, 'mean_norm') else 1
    k = abs(own.v[kernel].item()) + 0.05 if hasattr(own, 'v') else 0.3
    h = magnitude(own.magnitude, r, q, rho, own.alpha, own.beta)
    bias = 0 if layer.bias is None else layer.bias[kernel].item()
    return h * angle(own.angle, cos, k) + bias
