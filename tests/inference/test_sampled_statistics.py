from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.inference import ActivationCache, View, exact_statistics, sample_statistics, sampled_statistics


def sampled(denoiser, views, seed=0):
    with ActivationCache(math.inf) as cache:
        return sample_statistics(denoiser, views, seed, cache)


def flat(statistics):
    """All means of the first network, as shares of the deviations, and the logarithms of these, in one row."""
    rows = []
    for mean, var, _ in statistics[0].values():
        deviation = var.clamp_min(1e-7).sqrt()
        rows += [mean / deviation, deviation.log()]
    return torch.cat(rows, 1)


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(sampled_statistics, "SIDE", 24)
    return 24


@pytest.fixture
def few_windows(small_windows, monkeypatch):
    monkeypatch.setattr(sampled_statistics, "BOUND", 1e9)  # always enough


sizes = st.tuples(st.integers(16, 900), st.integers(16, 900))


@given(st.lists(sizes, min_size=1, max_size=9), st.integers(1, 64), st.integers(0, 2**31))
def test_windows_lie_within_their_planes(shapes, count, seed):
    windows = sampled_statistics.spread(shapes, count, seed)
    assert len(windows) == count
    for plane, box in windows:
        height, width = shapes[plane]
        assert 0 <= box.top < box.bottom <= height
        assert 0 <= box.left < box.right <= width
        assert box.shape == (min(height, sampled_statistics.SIDE), min(width, sampled_statistics.SIDE))


@given(st.integers(1, 32), st.integers(0, 1000))
def test_more_windows_are_the_same_ones_and_more(count, seed):
    shapes = [(500, 700)] * 5
    assert sampled_statistics.spread(shapes, 2 * count, seed)[:count] == sampled_statistics.spread(shapes, count, seed)


def test_windows_are_spread_evenly():
    windows = sampled_statistics.spread([(4096, 4096)] * 8, 64, seed=1)
    assert np.bincount([plane for plane, _ in windows], minlength=8).tolist() == [8] * 8
    quarters = [(box.top + 96 > 2048, box.left + 96 > 2048) for _, box in windows]
    assert all(12 <= quarters.count(quarter) <= 20 for quarter in set(quarters))
    assert len(set(quarters)) == 4


def test_other_seeds_are_other_windows_and_the_same_seed_the_same(denoiser, volume, few_windows):
    views = [View.of_array(plane, denoiser.stride) for plane in volume]
    one, again, other = (sampled(denoiser, views, seed) for seed in (1, 1, 2))
    assert torch.equal(flat(one.statistics), flat(again.statistics))
    assert not torch.equal(flat(one.statistics), flat(other.statistics))


def test_more_windows_come_closer_to_the_exact_statistics(denoiser, volume, small_windows, monkeypatch):
    view = View.of_array(volume[0], denoiser.stride)
    with ActivationCache(math.inf) as cache:
        exact = flat(exact_statistics(denoiser, view, 120, cache))
    errors, said = [], []
    for most in (2, 16):
        monkeypatch.setattr(sampled_statistics, "MOST", most)
        monkeypatch.setattr(sampled_statistics, "BOUND", 1e-9)
        samples = [sampled(denoiser, [view], seed) for seed in range(3)]
        assert {sample.windows for sample in samples} == {most}
        errors.append(np.mean([(flat(sample.statistics) - exact).square().mean() for sample in samples]))
        said.append(np.mean([sample.error for sample in samples]))
    assert errors[1] < errors[0] / 2
    assert said[1] < said[0]


def test_no_more_windows_are_taken_than_needed(denoiser, volume, small_windows, monkeypatch):
    views = [View.of_array(plane, denoiser.stride) for plane in volume]
    monkeypatch.setattr(sampled_statistics, "FEWEST", 4)
    monkeypatch.setattr(sampled_statistics, "MOST", 20)
    for bound, count in ((1e9, 4), (1e-9, 20)):
        monkeypatch.setattr(sampled_statistics, "BOUND", bound)
        assert sampled(denoiser, views).windows == count
    monkeypatch.undo()
    monkeypatch.setattr(sampled_statistics, "SIDE", 24)
    few = sampled(denoiser, [View.of_array(volume[0][:60, :24], denoiser.stride)])
    assert few.windows == 2  # they would cover it


def test_other_windows_are_taken_for_those_of_one_value(denoiser, volume, few_windows):
    blank = View.of_array(np.full((120, 140), -1, np.float32), denoiser.stride)
    assert sampled(denoiser, [blank, blank]) is None
    half = sampled(denoiser, [blank, *(View.of_array(plane, denoiser.stride) for plane in volume[:1])])
    assert half.windows == 16
    mean = next(iter(half.statistics[0].values()))
    full = next(iter(sampled(denoiser, [View.of_array(volume[0], denoiser.stride)]).statistics[0].values()))
    torch.testing.assert_close(mean.var.sqrt(), full.var.sqrt(), rtol=0.3, atol=1e-3)
