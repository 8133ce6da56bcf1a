"""Partial convolutions and the U-Net of Self2Self."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from pellucid.networks.partial import PartialConv, PartialUnet


def plain_partial(layer, x, mask):
    """The layer pixel by pixel: windows of the mirrored image, known pixels only, scaled by 9 over their number."""
    weight, bias = layer.conv.weight, layer.conv.bias
    n, _, height, width = x.shape
    y, known = torch.zeros(n, len(weight), height, width), torch.zeros(n, 1, height, width)
    for row in range(height):
        for column in range(width):
            rows = torch.tensor([min(max(row + step, 0), height - 1) for step in (-1, 0, 1)])
            columns = torch.tensor([min(max(column + step, 0), width - 1) for step in (-1, 0, 1)])
            m = mask[:, :, rows][:, :, :, columns]
            total = torch.einsum("nchw,ochw->no", x[:, :, rows][:, :, :, columns] * m, weight)
            count = m.sum((1, 2, 3))[:, None]
            y[:, :, row, column] = torch.where(count > 0, total * 9 / count.clamp_min(1), 0.0) + bias
            known[:, 0, row, column] = (count[:, 0] > 0).float()
    return leaky_relu(y, 0.1), known


def test_a_partial_convolution_is_its_formula():
    layer = PartialConv(3, 5)
    nn.init.normal_(layer.conv.bias)
    x = torch.randn(2, 3, 5, 6)
    mask = (torch.rand(2, 1, 5, 6) < 0.25).float()
    mask[0, :, :3, :3] = 0  # some windows hold nothing at all
    expected, known = plain_partial(layer, x, mask)
    y, after = layer(x, mask)
    assert torch.equal(after, known)
    assert 0 < known.mean() < 1
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)


def test_a_partial_convolution_with_all_pixels_is_a_convolution():
    layer, x = PartialConv(2, 4), torch.randn(1, 2, 9, 9)
    plain = nn.Conv2d(2, 4, 3, padding=1, padding_mode="replicate")
    plain.load_state_dict(layer.conv.state_dict())
    y, mask = layer(x, torch.ones(1, 1, 9, 9))
    torch.testing.assert_close(y, leaky_relu(plain(x), 0.1))
    assert bool((mask == 1).all())


def test_the_unet_has_the_published_parameters():
    down = [(1, 48), *[(48, 48)] * 6]
    up = [(96, 96), (96, 96), *[(144, 96), (96, 96)] * 3, (97, 64), (64, 32), (32, 1)]
    network = PartialUnet()
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert [(conv.in_channels, conv.out_channels) for conv in convolutions] == down + up
    assert sum(p.numel() for p in network.parameters()) == 988_609
    assert sum(p.numel() for p in network.parameters()) == sum(9 * i * o + o for i, o in down + up)


def test_the_output_is_within_0_and_1_and_changes_from_call_to_call():
    network = PartialUnet(6).eval()
    image, mask = 50 * torch.randn(2, 1, 32, 64), (torch.rand(2, 1, 32, 64) < 0.7).float()
    first, second = network(image, mask), network(image, mask)
    assert first.shape == image.shape
    assert bool(((first >= 0) & (first <= 1)).all())
    assert not torch.equal(first, second)  # dropout stays on in evaluation mode
    image, mask = torch.rand(1, 1, 32, 32), torch.ones(1, 1, 32, 32)
    still = PartialUnet(6, share=0.0)
    assert torch.equal(still(image, mask), still(image, mask))
    assert bool(((still(image, mask) > 0) & (still(image, mask) < 1)).all())


def test_hidden_pixels_are_not_seen():
    network = PartialUnet(6, share=0.0)
    image, mask = torch.rand(1, 1, 64, 64), (torch.rand(1, 1, 64, 64) < 0.7).float()
    other = torch.where(mask == 1, image, torch.rand_like(image))
    assert torch.equal(network(image, mask), network(other, mask))


@pytest.mark.parametrize("phase", [0, 31])
def test_the_halo_bounds_the_receptive_field(phase):
    network = PartialUnet(3, share=0.0).double()
    side, row = 2 * network.halo + 64, network.halo + phase
    x = torch.rand(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    network(x, torch.ones_like(x))[0, 0, row, row].backward()
    rows = x.grad[0, 0].abs().sum(1).nonzero()
    assert max(row - int(rows.min()), int(rows.max()) - row) <= network.halo
    assert network.halo % network.stride == 0
