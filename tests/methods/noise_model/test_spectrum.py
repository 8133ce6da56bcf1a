from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.methods.noise_model.spectrum import (
    RINGS,
    flattest_spectrum,
    flattest_white,
    frequencies,
    from_rings,
    gaussian_field,
    linear,
    resized,
    ring_means,
    smoothed,
    spectrum,
)

SIDE = 64
CPU = torch.device("cpu")


def streaks(side=SIDE):
    """A spectrum of noise that is long along x and short along y, of unit variance."""
    fy, fx = torch.fft.fftfreq(side)[:, None], torch.fft.fftfreq(side)[None]
    power = torch.exp(-((fx / 0.08) ** 2) - (fy / 0.25) ** 2) + 0.02
    return power / power.mean()


def field(power, count=64, side=SIDE):
    return gaussian_field(torch.empty(count, 1, side, side), power)


def autocorrelation(fields, axis, distance):
    near = fields.narrow(axis, 0, fields.shape[axis] - distance)
    far = fields.narrow(axis, distance, fields.shape[axis] - distance)
    return float((near * far).mean() / fields.square().mean())


@pytest.mark.parametrize("power", [torch.ones(SIDE, SIDE), streaks()], ids=["white", "streaks"])
def test_the_mean_of_a_spectrum_is_the_variance(power):
    fields = 0.3 * field(power)
    assert float(spectrum(fields).mean()) == pytest.approx(float(fields.var()), rel=0.05)


def test_brightness_is_no_part_of_a_spectrum():
    patches = torch.randn(3, 1, SIDE, SIDE)
    torch.testing.assert_close(spectrum(patches + 0.5), spectrum(patches), rtol=1e-3, atol=1e-4)
    assert not spectrum(torch.full((2, 1, SIDE, SIDE), 0.25)).any()


@pytest.mark.parametrize("side", [32, 96])
def test_a_field_has_the_spectrum_asked_for_and_unit_variance(side):
    fields = field(streaks(), 128, side)
    assert float(fields.var()) == pytest.approx(1, rel=0.05)
    found, expected = smoothed(spectrum(fields)), smoothed(resized(streaks(), side))
    strong = expected > 0.05 * expected.max()
    ratio = (found / expected)[strong]
    assert float(ratio.mean()) == pytest.approx(1, abs=0.05)
    assert 0.6 < float(ratio.min()) <= float(ratio.max()) < 1.5


def test_a_field_keeps_its_axis():
    fields = field(streaks())
    assert autocorrelation(fields, 3, 2) > autocorrelation(fields, 2, 2) + 0.3


def test_opposite_edges_of_a_field_are_independent():
    fields = field(streaks(), 256)
    first, last = fields[..., 0].flatten(), fields[..., -1].flatten()
    assert abs(float((first * last).mean())) < 0.05
    assert float((first * fields[..., 1].flatten()).mean()) > 0.5


def test_a_field_of_no_power_is_no_noise():
    assert not field(torch.zeros(SIDE, SIDE)).any()


@pytest.mark.parametrize("power", [torch.ones(SIDE, SIDE), streaks()], ids=["white", "streaks"])
def test_the_flattest_squares_tell_the_power_of_stationary_noise(power):
    noise = 0.2 * field(power, 96)
    flattest = flattest_spectrum(noise) / flattest_white(noise)
    assert float(flattest.mean()) == pytest.approx(0.04, rel=0.1)
    torch.testing.assert_close(ring_means(flattest)[1:], ring_means(0.04 * power)[1:], rtol=0.4, atol=0.002)


def test_the_flattest_squares_leave_structure_out():
    noise = 0.1 * torch.randn(96, 1, SIDE, SIDE)
    patches = noise.clone()
    patches[::3, :, 20:40, 20:40] += 0.8  # in a third of the patches
    flattest = float((flattest_spectrum(patches) / flattest_white(patches)).mean())
    assert flattest == pytest.approx(0.01, rel=0.3)
    assert float(spectrum(patches).mean()) > 2 * flattest


def test_the_flattest_are_the_share_of_the_squares_that_is_stated():
    scales = torch.linspace(0.1, 1, 101)[:, None, None, None]
    one = torch.randn(1, 1, 32, 32)
    lowest = flattest_spectrum(one)
    torch.testing.assert_close(flattest_spectrum(scales * one), lowest * float(scales[15]) ** 2, rtol=1e-3, atol=1e-5)


def test_smoothing_keeps_the_mean_and_makes_it_even():
    power = torch.rand(SIDE, SIDE, dtype=torch.float64)
    smooth = smoothed(power)
    torch.testing.assert_close(smooth.mean(), power.mean())
    for axis in (0, 1):
        torch.testing.assert_close(smooth.flip(axis).roll(1, axis), smooth)
    torch.testing.assert_close(smoothed(torch.ones(8, 8)), torch.ones(8, 8))


def test_rings_come_back_as_they_were():
    radius = frequencies(SIDE, CPU)
    assert float(radius[0, 0]) == 0
    assert float(radius[SIDE // 2, 0]) == 0.5
    values = torch.linspace(1, 3, len(RINGS) - 1)
    torch.testing.assert_close(ring_means(from_rings(values, radius)), values, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("side", [32, 96])
def test_every_ring_has_frequencies(side):
    assert ring_means(torch.ones(side, side)).equal(torch.ones(len(RINGS) - 1))


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=9, unique_by=lambda x: round(x, 2)),
    st.lists(st.floats(-9, 9), min_size=1, max_size=9),
    st.randoms(use_true_random=False),
)
def test_interpolation_is_numpys(points, where, random):
    points = sorted(points)
    values = [random.uniform(-1, 1) for _ in points]
    tensors = [torch.tensor(each, dtype=torch.float64) for each in (values, points, where)]
    np.testing.assert_allclose(linear(*tensors).numpy(), np.interp(where, points, values), atol=1e-9)


@pytest.mark.parametrize("side", [32, 64, 192])
def test_another_grid_has_the_same_spectrum(side):
    finer = resized(streaks(), side)
    assert finer.shape == (side, side)
    assert float(finer.mean()) == pytest.approx(1, rel=0.05)
    step = max(side, SIDE) // min(side, SIDE)
    one, other = (finer[::step, ::step], streaks()) if side > SIDE else (finer, streaks()[::step, ::step])
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@given(st.sampled_from([8, 16, 40]), st.sampled_from([8, 24, 80]))
def test_an_even_spectrum_stays_even_on_another_grid(side, other):
    power = smoothed(torch.rand(side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(side)))
    found = resized(power, other)
    for axis in (0, 1):
        torch.testing.assert_close(found.flip(axis).roll(1, axis), found)
