from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from pellucid.norms import Moments, measure, merge, pool


def test_mean_and_biased_variance_of_each_map():
    x = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    moments = measure(x)
    torch.testing.assert_close(moments.mean, x.mean((2, 3)))
    torch.testing.assert_close(moments.var, x.var((2, 3), correction=0))
    assert moments.pixels == 35


def test_first_and_second_derivative():
    x = torch.randn(2, 3, 3, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: measure(x)[:2], x)
    assert gradgradcheck(lambda x: measure(x)[:2], x)


def test_flat_bright_maps_do_not_cancel():
    precise = 1e4 + torch.randn(1, 4, 64, 64, dtype=torch.float64)
    x = precise.float()
    naive = x.square().mean((2, 3)) - x.mean((2, 3)).square()
    assert (naive - 1).abs().max() > 0.5  # what the two passes are for
    torch.testing.assert_close(measure(x).var, measure(x.double()).var.float(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_measured_in_float32(dtype):
    x = (100 + torch.randn(2, 3, 40, 40)).to(dtype).requires_grad_()
    exact = measure(x.detach().double())
    moments = measure(x)
    assert moments.mean.dtype == moments.var.dtype == torch.float32
    torch.testing.assert_close(moments.mean.double(), exact.mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(moments.var.double(), exact.var, rtol=1e-5, atol=0)
    moments.var.sum().backward()
    assert x.grad.dtype == dtype


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(1, 5),
    st.floats(-1e3, 1e3),
    st.integers(0, 99),
)
def test_merged_pieces_equal_the_whole(widths, height, offset, seed):
    generator = torch.Generator().manual_seed(seed)
    x = offset + torch.randn(2, 3, height, sum(widths), dtype=torch.float64, generator=generator)
    x[:, :, :, : widths[0]] *= 3  # pieces that differ
    whole, merged = measure(x), merge([measure(piece) for piece in x.split(widths, 3)])
    torch.testing.assert_close(merged.mean, whole.mean)
    torch.testing.assert_close(merged.var, whole.var, rtol=1e-9, atol=1e-9)
    assert merged.pixels == whole.pixels


def test_merging_float32_accumulates_in_float64():
    x = 1e3 + torch.randn(1, 2, 8, 4096)
    merged = merge([measure(piece) for piece in x.split(1, 3)])
    assert merged.mean.dtype == torch.float32
    torch.testing.assert_close(merged.var, measure(x.double()).var.float(), rtol=1e-4, atol=0)


@settings(max_examples=40)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(2, 30), st.sampled_from([0, 1]), st.integers(0, 99))
def test_pool_is_the_law_of_total_variance(images, channels, pixels, dim, seed):
    generator = torch.Generator().manual_seed(seed)
    offsets = 5 * torch.randn(images, channels, 1, dtype=torch.float64, generator=generator)
    x = offsets + torch.randn(images, channels, pixels, dtype=torch.float64, generator=generator)
    mean, var = pool(x.mean(2), x.var(2, correction=0), dim)
    torch.testing.assert_close(mean, x.mean((dim, 2))[..., None].movedim(-1, dim))
    torch.testing.assert_close(var, x.var((dim, 2), correction=0)[..., None].movedim(-1, dim))


def test_moments_of_pieces_of_different_size_are_weighted():
    parts = [Moments(torch.zeros(1, 1), torch.zeros(1, 1), 1), Moments(torch.ones(1, 1), torch.zeros(1, 1), 3)]
    merged = merge(parts)
    assert merged.mean.item() == pytest.approx(0.75)
    assert merged.var.item() == pytest.approx(0.75 * 0.25)
