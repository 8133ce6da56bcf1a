from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from torch import nn

from pellucid.networks.cagan import (
    CaganDiscriminator,
    CaganGenerator,
    ChannelAttention,
    CrissCross,
    DegenerateCrissCross,
    mean_filter,
)
from pellucid.norms import freeze, record


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def attention(kind=CrissCross, channels=8):
    layer = kind(channels).double()
    for parameter in layer.parameters():
        parameter.data.normal_()
    return layer


def maps(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("form", ["correct", "degenerate"])
def test_have_the_published_numbers_of_parameters(form):
    assert parameters(CaganGenerator(64, form)) == 1_153_524
    assert parameters(CaganDiscriminator(64, form)) == 18_005_762


def test_criss_cross_attention_is_a_softmax_over_row_and_column():
    layer, x = attention(), maps(2, 8, 5, 7)
    f, g, h = layer.f(x), layer.g(x), layer.h(x)
    expected = x.clone()
    for image in range(2):
        for row in range(5):
            for column in range(7):
                cross = [(row, other) for other in range(7)] + [(other, column) for other in range(5) if other != row]
                energies = torch.stack([f[image, :, row, column] @ g[image, :, i, j] for i, j in cross])
                values = torch.stack([h[image, :, i, j] for i, j in cross])
                expected[image, :, row, column] += layer.gamma * energies.softmax(0) @ values
    torch.testing.assert_close(layer(x), expected)


def test_criss_cross_attention_begins_as_the_identity_and_leaves_it():
    layer, x = CrissCross(8).double(), maps(1, 8, 6, 6)
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.gamma.grad.abs() > 0


def test_the_degenerate_form_is_what_the_largest_float_on_the_diagonal_leaves():
    layer, x = attention(DegenerateCrissCross), maps(1, 8, 5, 7)
    f, g, h = layer.f(x), layer.g(x), layer.h(x)
    row = torch.einsum("nchw,nchv->nhwv", f, g)
    column = torch.einsum("nchw,ncuw->nhwu", f, g) + torch.finfo(torch.float32).max * torch.eye(5)[:, None]
    weights = torch.cat((row, column), dim=3).softmax(3)
    gathered = torch.einsum("nhwv,nchv->nchw", weights[..., :7], h)
    gathered = gathered + torch.einsum("nhwu,ncuw->nchw", weights[..., 7:], h)
    torch.testing.assert_close(layer(x), layer.gamma * gathered + x)
    assert not torch.allclose(layer(x), CrissCross.forward(attention(), x))


def test_channel_attention_scales_each_map_by_what_the_means_say():
    layer, x = ChannelAttention(8).double(), maps(3, 8, 4, 6)
    (shrink, _, widen, _) = layer.weigh
    assert shrink.out_features == 2
    hidden = (x.mean((2, 3)) @ shrink.weight.T + shrink.bias).relu()
    scale = torch.sigmoid(hidden @ widen.weight.T + widen.bias)
    torch.testing.assert_close(layer(x), scale[:, :, None, None] * x)
    assert {name for name, _ in layer.named_parameters()} == {
        f"weigh.{i}.{p}" for i in (0, 2) for p in ("weight", "bias")
    }


def test_channel_attention_uses_means_that_are_handed_in():
    network, x = CaganGenerator(4).double(), maps(1, 1, 24, 24)
    for parameter in network.channels.parameters():
        parameter.data.normal_()
    recorded = record(network, lambda: network(x))
    assert list(recorded) == ["channels"]
    with freeze(network, recorded):
        piece = network(x[..., :20])
    assert not torch.allclose(piece[..., :3], network(x[..., :20])[..., :3], rtol=0, atol=1e-9)
    torch.testing.assert_close(piece[..., :3], network(x)[..., :3])


def test_a_generator_that_finds_nothing_gives_the_mean_of_3_by_3_pixels():
    network, x = CaganGenerator(4).double(), maps(1, 1, 16, 19)
    network.fuse[-1][0].weight.data.zero_()
    expected = uniform_filter(x[0, 0].numpy(), 3, mode="mirror")
    np.testing.assert_allclose(network(x)[0, 0].detach().numpy(), expected, atol=1e-12)
    torch.testing.assert_close(mean_filter(x)[0, 0], torch.from_numpy(expected))


def test_the_generator_is_the_one_of_the_table():
    network, x = CaganGenerator(8).double(), maps(2, 1, 12, 16)
    activate = nn.LeakyReLU(0.2)
    layers = {}
    for name, module in network.named_modules():
        if isinstance(module, CrissCross):
            module.gamma.data.fill_(0.7)
        layers[name] = module

    def conv(name, x):
        module = layers[f"{name}.0"]
        return activate(nn.functional.conv2d(x, module.weight, module.bias, padding=module.weight.shape[-1] // 2))

    found = [x]
    for number in range(12):
        found.append(conv(f"features.{number}", found[-1]))
    weighted = network.channels(torch.cat(found[1:], 1))
    a = layers["branches.0.1"](conv("branches.0.0", weighted))
    b = layers["branches.1.2"](conv("branches.1.1", conv("branches.1.0", weighted)))
    c = layers["branches.2.2"](conv("branches.2.1", conv("branches.2.0", weighted)))
    result = conv("fuse.2", conv("fuse.1", conv("fuse.0", torch.cat((a, b, c), 1)))) + mean_filter(x)
    torch.testing.assert_close(network(x), result)
    kernels = [layers[f"branches.{number}"] for number in range(3)]
    assert [[m.kernel_size[0] for m in k.modules() if isinstance(m, nn.Conv2d)] for k in kernels] == [
        [1, 1, 1, 1],
        [1, 3, 1, 1, 1],
        [1, 5, 1, 1, 1],
    ]


@pytest.mark.parametrize(("form", "everything"), [("degenerate", False), ("correct", True)])
def test_a_pixel_sees_so_far_and_by_attention_its_row_and_column(form, everything):
    network = CaganGenerator(8, form).double()
    for module in network.modules():
        if isinstance(module, CrissCross):
            module.gamma.data.fill_(1)
    side, middle, halo = 60, 30, network.local_halo
    x = torch.randn(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    means = record(network, lambda: network(x.detach()))
    with freeze(network, means):
        network(x)[0, 0, middle, middle].backward()
    rows, columns = x.grad[0, 0].nonzero().T
    expected = (0, side - 1) if everything else (middle - halo, middle + halo)
    for places in (rows, columns):
        assert (int(places.min()), int(places.max())) == expected
    assert halo == 17


def test_criss_cross_attention_begins_with_weights_of_variance_2_by_fan_in():
    torch.manual_seed(0)
    weight = torch.cat([CrissCross(64).h.weight.detach().flatten() for _ in range(4)])
    assert float(weight.std()) == pytest.approx((2 / 64) ** 0.5, rel=0.02)  # not 0.88 of it, what a cut at 2σ leaves
    assert weight.abs().max() <= 2 * (2 / 64) ** 0.5 / 0.8796


def test_the_discriminator_halves_three_times_as_tensorflow_does():
    network, x = CaganDiscriminator(8, side=32).double(), maps(3, 1, 32, 32)
    assert network(x).shape == (3, 1)
    assert [tuple(network.maps[:n](x).shape[1:]) for n in (2, 4, 6)] == [(8, 16, 16), (16, 8, 8), (32, 4, 4)]
    pad, conv, _ = network.maps[1]
    impulse = torch.zeros(1, 8, 4, 4, dtype=torch.float64)
    impulse[0, :, 0, 0] = 1
    seen = conv(pad(impulse)) - conv.bias[:, None, None]
    torch.testing.assert_close(seen[0, :, 0, 0], conv.weight[:, :, 0, 0].sum(1))  # no row and column before the first


def test_first_weights_are_those_of_the_published_code_at_its_width():
    torch.manual_seed(0)
    for width in (16, 64):
        weight = CaganGenerator(width).features[5][0].weight.detach()
        sigma = 0.05 * (64 / width) ** 0.5
        assert weight.abs().max() <= 2 * sigma
        assert float(weight.std()) == pytest.approx(0.88 * sigma, rel=0.05)  # of a normal cut at 2σ
