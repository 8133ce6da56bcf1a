from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.networks.fusionnet import FusionEncoder, FusionNet, reflect_pad
from pellucid.norms import feature_norms, freeze, record


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def residual(c):
    """Three convolutions, four norms."""
    return 3 * (9 * c * c + c) + 4 * 2 * c


def block(c, d):
    """A convolution c -> d, a residual, a convolution d -> d; a norm behind both convolutions."""
    return 9 * c * d + d + 2 * d + residual(d) + 9 * d * d + d + 2 * d


@pytest.mark.parametrize("inputs", [1, 2])
def test_parameter_counts(inputs):
    down = [(inputs, 16), (16, 32), (32, 64), (64, 128)]
    up = [(128, 64), (64, 32), (32, 16), (16, 16)]
    encoder = sum(block(c, d) for c, d in down)
    assert count(FusionEncoder(inputs)) == encoder
    assert count(FusionNet(inputs)) == encoder + sum(block(c, d) for c, d in up) + 9 * 16 + 1


def test_layers():
    network = FusionNet()
    kinds = [type(module) for module in network.modules()]
    assert sum(issubclass(kind, torch.nn.Conv2d) for kind in kinds) == 4 * 5 + 4 * 3 + 1
    assert sum(issubclass(kind, torch.nn.ConvTranspose2d) for kind in kinds) == 4 * 2
    assert len(feature_norms(network)) == 4 * 6 + 4 * 6
    dilations = [module.dilation[0] for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert dilations == [1, 1, 2, 4, 1] * 4 + [1, 2, 4] * 4 + [1]


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (2, 1, 48, 80), (1, 1, 16, 112)])
def test_keeps_the_size(shape):
    assert FusionNet(1, 2)(torch.randn(shape)).shape == shape
    assert FusionEncoder(1, 2)(torch.randn(shape)).shape == (shape[0], 16, shape[2] // 16, shape[3] // 16)


def test_skip_connections_add_the_encoders_maps_of_the_same_size():
    network = FusionNet(1, 2, skips=True).double()
    x = torch.randn(2, 1, 32, 48, dtype=torch.float64)
    to0, to1, to2, to3 = network.encoder
    d3, d2, d1, d0 = network.decoder
    e0 = to0(x)
    e1 = to1(e0)
    e2 = to2(e1)
    e3 = to3(e2)
    expected = torch.tanh(network.last(d0(d1(d2(d3(e3) + e2) + e1) + e0)))
    torch.testing.assert_close(network(x), expected)
    plain = FusionNet(1, 2).double()
    plain.load_state_dict(network.state_dict())
    torch.testing.assert_close(plain(x), torch.tanh(network.last(network.decoder(e3))))


def test_norms_have_gamma_beta_and_the_published_epsilon():
    norms = feature_norms(FusionNet(1, 2)).values()
    assert {norm.eps for norm in norms} == {1e-5}
    assert all(isinstance(norm.gamma, torch.nn.Parameter) for norm in norms)


def test_without_its_last_convolution_it_answers_mid_grey():
    network = FusionNet(2, 2)
    torch.nn.init.zeros_(network.last.conv.weight)
    assert network(torch.randn(1, 2, 32, 32)).abs().max() == 0


@pytest.mark.parametrize(("shape", "width"), [((9, 7), 4), ((3, 7), 4), ((2, 2), 4), ((1, 5), 4), ((5, 5), 5)])
def test_borders_are_reflected_however_small_the_map(shape, width):
    x = torch.randn(2, 3, *shape)
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (width, width), (width, width)), mode="reflect")
    np.testing.assert_array_equal(reflect_pad(x, width).numpy(), expected)


def test_the_halo_bounds_the_receptive_field_closely():
    """Along a strip one pixel of the coarsest map high, with the norms frozen: they see the whole image else."""
    network = FusionNet(1, 1).double()
    for parameter in network.parameters():  # far from 0, so that no path's share is lost
        parameter.data.normal_(0, 0.5)
    x = torch.randn(1, 1, 16, 2 * 544 + 16, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        moments = record(network, lambda: network(x))
    seen = []
    with freeze(network, moments):
        result = network(x)[0, 0, 5]
        for column in range(544, 560):
            (slope,) = torch.autograd.grad(result[column], x, retain_graph=True)
            columns = slope[0, 0].abs().amax(0).nonzero()
            seen.append(max(column - int(columns.min()), int(columns.max()) - column))
    assert FusionNet.halo - FusionNet.stride < max(seen) <= FusionNet.halo
