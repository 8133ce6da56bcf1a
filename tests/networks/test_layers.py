from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.networks import Discriminator, Extractor, Generator
from pellucid.networks.layers import Conv, UpConv, he_normal, symmetric_pad
from pellucid.norms import norm

NONE = norm("none")


@pytest.mark.parametrize("width", range(1, 6))
def test_symmetric_pad_is_numpys(width):
    x = torch.randn(2, 3, 5, 9)
    sides = (width, width)
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), sides, sides), mode="symmetric")
    assert np.array_equal(symmetric_pad(x, width).numpy(), expected)


def test_symmetric_pad_keeps_the_memory_layout():
    x = torch.randn(2, 4, 8, 8).to(memory_format=torch.channels_last)
    assert symmetric_pad(x, 1).is_contiguous(memory_format=torch.channels_last)
    assert symmetric_pad(x, 3).is_contiguous(memory_format=torch.channels_last)


def test_up_convolution_is_the_adjoint_of_a_strided_one_padded_at_the_end():
    up = UpConv((3, 2), NONE).double().requires_grad_(False)
    x = torch.randn(1, 3, 5, 4, dtype=torch.float64)
    y = torch.randn(1, 2, 10, 8, dtype=torch.float64)
    down = nn.functional.conv2d(nn.functional.pad(y, (0, 1, 0, 1)), up.conv.weight, stride=2)
    assert float((up(x) * y).sum()) == pytest.approx(float((x * down).sum()), rel=1e-12)


def test_convolution_mirrors_its_input():
    conv = Conv((1, 2), 7, NONE, mirror=3)
    x = torch.randn(1, 1, 8, 12)
    padded = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (3, 3), (3, 3)), mode="symmetric"))
    torch.testing.assert_close(conv(x), conv.conv(padded))


@pytest.mark.parametrize("network_type", [Generator, Extractor, Discriminator])
@pytest.mark.parametrize("name", ["none", "spectral"])
def test_initial_weights_are_the_truncated_normal_of_keras(network_type, name):
    network = network_type(32, name)
    weights = [value.detach() for key, value in network.named_parameters() if "bias" not in key and value.ndim == 4]
    biases = [value for key, value in network.named_parameters() if key.endswith("conv.bias")]
    assert len(weights) == len(biases)
    assert all(not bias.any() for bias in biases)
    drawn = torch.cat([weight.flatten() for weight in weights])
    assert drawn.abs().max() <= 0.1
    assert drawn.abs().max() > 0.0995
    truncated_std = 0.05 * 0.87963  # of a normal cut at ±2σ
    assert drawn.std().item() == pytest.approx(truncated_std, rel=0.01)
    assert drawn.mean().item() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [(nn.Conv2d(20, 60, 3), 180), (nn.ConvTranspose2d(60, 20, 3), 180), (nn.Linear(90, 120), 90)],
    ids=["convolution", "transposed", "linear"],
)
def test_he_normal_has_its_variance_behind_the_cut(layer, fan_in):
    torch.manual_seed(0)
    he_normal(layer)
    weight = layer.weight.detach() * (fan_in / 2) ** 0.5
    assert float(weight.std()) == pytest.approx(1, rel=0.03)  # some 10⁴ numbers
    assert 2 < weight.abs().max() <= 2 / 0.8796
    assert not layer.bias.any()
