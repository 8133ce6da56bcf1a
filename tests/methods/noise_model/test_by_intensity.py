from __future__ import annotations

import pytest
import torch

from pellucid.methods.noise_model.by_intensity import BINS, look_up, smoothed, sums

MIDDLES = (torch.arange(BINS) + 0.5) * (2 / BINS) - 1


def test_sums_are_those_of_the_pixels_of_each_intensity():
    intensity = torch.tensor([[-1.0, -0.999, 0.0], [0.999, 1.0, 3.0]])
    found = sums(intensity, torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]))
    assert found[0] == 3
    assert found[BINS // 2] == 4
    assert found[-1] == 56
    assert found.sum() == 63


def test_a_table_is_met_in_the_middles_of_the_bins_and_linear_between():
    table = torch.rand(BINS)
    torch.testing.assert_close(look_up(table, MIDDLES), table, rtol=0, atol=1e-5)
    between = (MIDDLES[4] + MIDDLES[5]) / 2
    torch.testing.assert_close(look_up(table, between), (table[4] + table[5]) / 2, rtol=0, atol=1e-5)
    torch.testing.assert_close(look_up(table, torch.tensor([-9.0, -1.0, 1.0, 9.0])), table[[0, 0, -1, -1]])


def test_the_shape_of_what_is_looked_up_stays():
    assert look_up(torch.ones(BINS), torch.zeros(2, 1, 3, 5)).equal(torch.ones(2, 1, 3, 5))


def test_smoothing_spreads_to_neighbours_and_gives_the_mean_where_nothing_was_seen():
    values, weights = torch.zeros(BINS), torch.zeros(BINS)
    values[3:6], weights[3:6] = 2.0, 100.0
    found = smoothed(values, weights)
    torch.testing.assert_close(found, torch.full((BINS,), 2.0))
    assert smoothed(values, torch.zeros(BINS)).equal(torch.zeros(BINS))


def test_a_bin_with_few_pixels_counts_for_little():
    values, weights = torch.ones(BINS), torch.full((BINS,), 1000.0)
    values[8], weights[8] = 100.0, 1.0
    assert float(smoothed(values, weights).max()) == pytest.approx(1, abs=0.1)
