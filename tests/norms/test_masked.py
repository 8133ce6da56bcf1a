"""Moments of the pixels that are image."""

from __future__ import annotations

import torch

from pellucid.norms import measure, measure_valid, merge, shares


def _maps(channels=3, side=12):
    return torch.randn(1, channels, side, side).mul(2).add(5)


def test_they_are_those_of_the_valid_pixels_alone():
    x = _maps()
    valid = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
    valid[..., 2:9, 3:] = True
    found, expected = measure_valid(x, valid), measure(x[:, :, 2:9, 3:])
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.var, expected.var)
    assert found.pixels == expected.pixels


def test_where_all_is_valid_they_are_the_usual_ones():
    x = _maps()
    found, expected = measure_valid(x, torch.ones(1, 1, 48, 48)), measure(x)
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.var, expected.var)


def test_a_cell_counts_by_the_share_of_it_that_is_valid():
    x = _maps(side=2)
    valid = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    valid[..., :4, 4:] = False  # one of four cells
    valid[..., 4:, :2] = False  # half of another
    share = shares(valid, x)
    torch.testing.assert_close(share, torch.tensor([[[[1.0, 0.0], [0.5, 1.0]]]]))
    weights = share.expand_as(x) / 2.5
    mean = (x * weights).sum((2, 3))
    found = measure_valid(x, valid)
    torch.testing.assert_close(found.mean, mean)
    torch.testing.assert_close(found.var, ((x - mean[:, :, None, None]) ** 2 * weights).sum((2, 3)))
    assert found.pixels == 2.5


def test_pieces_are_merged_by_their_valid_pixels():
    x = _maps(side=16)
    valid = torch.rand(1, 1, 32, 32) < torch.linspace(0.1, 1, 32)
    parts = [measure_valid(x[..., i : i + 4], valid[..., 2 * i : 2 * i + 8]) for i in range(0, 16, 4)]
    whole = measure_valid(x, valid)
    torch.testing.assert_close(merge(parts).mean, whole.mean)
    torch.testing.assert_close(merge(parts).var, whole.var)
