from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.networks.babyunet import BabyUnet
from pellucid.networks.donut import DonutNetwork
from pellucid.networks.unet import CsbdeepUnet, Noise2NoiseUnet


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def convolutions(network):
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def conv(channels, out, kernel=3):
    return channels * out * kernel**2 + out


def channels(network):
    return [(module.in_channels, module.out_channels) for module in convolutions(network)]


def test_the_noise2noise_unet_is_the_published_one():
    network = Noise2NoiseUnet()
    up = [(96, 96), (96, 96), (144, 96), (96, 96), (144, 96), (96, 96), (144, 96), (96, 96), (97, 64), (64, 32)]
    assert channels(network) == [(1, 48), *[(48, 48)] * 6, *up, (32, 1)]
    assert parameters(network) == sum(conv(*pair) for pair in channels(network)) == 988_609


def test_the_noise2noise_unet_starts_with_hes_weights():
    layers = convolutions(Noise2NoiseUnet())
    assert all(torch.equal(layer.bias, torch.zeros_like(layer.bias)) for layer in layers)
    for layer in layers[1:-1]:
        fan_in = layer.in_channels * 9
        assert float(layer.weight.detach().std()) == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
    assert float(layers[-1].weight.detach().std()) == pytest.approx((1 / (32 * 9)) ** 0.5, rel=0.15)


@pytest.mark.parametrize(("width", "kernel"), [(32, 5), (64, 3), (96, 3)])
def test_the_csbdeep_unet_is_the_published_one(width, kernel):
    network, b = CsbdeepUnet(width, kernel), width
    down = [(1, b), (b, b), (b, 2 * b), (2 * b, 2 * b), (2 * b, 4 * b), (4 * b, 2 * b)]
    up = [(4 * b, 2 * b), (2 * b, b), (2 * b, b), (b, b)]
    assert channels(network) == [*down, *up, (b, 1)]
    norms = sum(2 * out for _, out in down + up)
    assert parameters(network) == sum(conv(*pair, kernel) for pair in down + up) + norms + b + 1


def test_babyunet_has_its_channels_and_adds_as_many_as_there_are():
    network, w = BabyUnet(16), 16
    pairs = [(1, w), (w, 2 * w), (2 * w, 2 * w), (4 * w, 2 * w), (3 * w, w)]
    assert channels(network) == [pair for a, b in pairs for pair in ((a, b), (b, b))] + [(w, 1)]
    assert parameters(network) == sum(conv(a, b) + conv(b, b) + 4 * b for a, b in pairs) + w + 1
    block = network.down2.eval()
    block.layers[-1].gamma.data.zero_()
    x = torch.randn(1, w, 8, 8)
    expected = nn.functional.leaky_relu(torch.cat((x, torch.zeros_like(x)), 1), 0.01)
    torch.testing.assert_close(block(x), expected)


def test_babyunet_pools_the_largest_and_enlarges_bilinearly():
    network, x = BabyUnet(3).double().eval(), torch.randn(2, 1, 12, 16, dtype=torch.float64)

    def enlarged(maps):
        return nn.functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)

    full = network.down1(x)
    half = network.down2(full.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax((3, 5)))
    quarter = network.bottom(half.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax((3, 5)))
    again = network.up1(torch.cat((enlarged(network.up2(torch.cat((enlarged(quarter), half), 1))), full), 1))
    torch.testing.assert_close(network(x), network.last(again))


def test_the_donut_network_is_two_branches_behind_a_hole():
    network = DonutNetwork()
    assert parameters(network) == conv(1, 32) + 12 * conv(32, 32) + conv(64, 1, 1) == 111_361
    assert [layer.dilation[0] for layer in convolutions(network)] == [1, *[2] * 6, *[3] * 6, 1]


def linear(network):
    """The network with all weights positive and mean for maximum, so that nothing cancels or is passed over."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(2))
    for parameter in network.parameters():
        parameter.data.abs_().add_(0.01)
    return network.double().eval()


def halo_of(network, phase, side):
    """How far an output pixel of this phase sees along a strip; across it is the same, as all kernels are square."""
    x = torch.ones(1, 1, max(8, network.stride), side, dtype=torch.float64, requires_grad=True)
    place = side // 2 // network.stride * network.stride + phase
    network(x)[0, 0, 4, place].backward()
    columns = x.grad[0, 0].nonzero()[:, 1]
    return int((columns - place).abs().max())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Noise2NoiseUnet(3),
        lambda: CsbdeepUnet(2),
        lambda: CsbdeepUnet(2, 5),
        lambda: BabyUnet(2),
        lambda: DonutNetwork(8, 2),
        lambda: DonutNetwork(4, 2),
    ],
)
def test_the_halo_bounds_the_receptive_field_closely(make):
    network = linear(make())
    halo, stride = network.halo, network.stride
    phases = {0, 1, stride // 2, stride - 2, stride - 1} & set(range(stride))
    seen = max(halo_of(network, phase, 2 * halo + 4 * stride) for phase in phases)
    assert halo - stride < seen <= halo
    assert halo % stride == 0


@pytest.mark.parametrize("network", [DonutNetwork(8, 4), DonutNetwork(3, 4)])
def test_no_output_of_the_donut_network_sees_its_own_input_but_all_around_it(network):
    x = torch.randn(1, 1, 45, 45, dtype=torch.float64, requires_grad=True)
    linear(network)(x.abs())[0, 0, 22, 22].backward()
    slope = x.grad[0, 0]
    assert slope[22, 22] == 0
    assert all(slope[22 + dy, 22 + dx] != 0 for dy, dx in ((0, 1), (1, 0), (-1, -1), (1, -1)))


def test_outputs_have_the_size_of_their_inputs():
    for network in (Noise2NoiseUnet(3), CsbdeepUnet(2), BabyUnet(2), DonutNetwork(4, 2)):
        x = torch.randn(2, 1, 96, 64)
        assert network(x).shape == x.shape
