"""Convolutions from and to one channel against torch's own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pellucid.ops import kernels, plain
from pellucid.ops.one_channel import FromOneChannel, ToOneChannel

KERNELS = st.sampled_from([(3, 0), (3, 1), (5, 2), (7, 0), (7, 3)])
CASES = st.tuples(st.sampled_from([ToOneChannel, FromOneChannel]), KERNELS, st.integers(8, 21), st.integers(8, 21))


@given(CASES)
def test_values_and_gradients(case):
    kind, (kernel, padding), height, width = case
    channels = (6, 1) if kind is ToOneChannel else (1, 6)
    conv = kind(*channels, kernel, padding=padding, dtype=torch.float64)
    x = torch.randn(2, channels[0], height, width, dtype=torch.float64, requires_grad=True)
    wanted = [x, *conv.parameters()]
    with plain():
        expected = conv(x)
    grad = torch.randn_like(expected)
    result = conv(x)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(torch.autograd.grad(result, wanted, grad), torch.autograd.grad(expected, wanted, grad))


@pytest.mark.skipif(not kernels.wanted(), reason="torch alone is asked for")
@pytest.mark.parametrize(("kind", "channels"), [(ToOneChannel, (6, 1)), (FromOneChannel, (1, 6))])
def test_blocks_are_used_where_they_fit(kind, channels):
    conv, x = kind(*channels, 7), torch.rand(1, channels[0], 22, 26, requires_grad=True)
    assert type(conv(x).grad_fn).__name__ != type(nn.Conv2d.forward(conv, x[:, :, 1:]).grad_fn).__name__
    with plain():
        assert type(conv(x).grad_fn).__name__ == "ConvolutionBackward0"


@pytest.mark.parametrize("settings", [{"stride": 2}, {"padding": (1, 0)}, {"dilation": 2}, {"kernel_size": 1}])
def test_other_convolutions_are_torchs(settings):
    conv = ToOneChannel(6, 1, **{"kernel_size": 3, **settings})
    x = torch.rand(1, 6, 16, 16)
    expected = nn.functional.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation)
    assert torch.equal(conv(x), expected)
