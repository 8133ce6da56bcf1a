"""The classical models against their closed forms, on flat planes."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.simulation.noise import classics

SHAPE = (600, 500)
COUNT = SHAPE[0] * SHAPE[1]


@pytest.fixture
def rng():
    return np.random.Generator(np.random.Philox(5))


def _assert_moments(noisy, mean, variance, values=COUNT):
    """Mean and variance within four standard errors; that of the variance for a kurtosis of up to 9."""
    assert noisy.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / values))
    assert noisy.var() == pytest.approx(variance, rel=4 * np.sqrt(8 / values))


def _lag(noisy, down, right):
    centred = noisy - noisy.mean()
    return (centred[down:, right:] * centred[: SHAPE[0] - down, : SHAPE[1] - right]).mean() / centred.var()


@pytest.mark.parametrize("level", [0.2, 0.7])
def test_gaussian(rng, level):
    noisy = classics.gaussian(np.full(SHAPE, level), rng, 0.1)
    _assert_moments(noisy, level, 0.01)
    assert _lag(noisy, 0, 1) == pytest.approx(0, abs=0.01)
    assert _lag(noisy, 1, 0) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("level", [0.2, 0.7])
def test_poisson(rng, level):
    noisy = classics.poisson(np.full(SHAPE, level), rng, 0.15)
    _assert_moments(noisy, level, level * 0.15**2)
    assert noisy / 0.15**2 == pytest.approx(np.rint(noisy / 0.15**2))
    assert _lag(noisy, 0, 1) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("strength", [1e-300, 0.99e-5, 1.01e-5])
def test_poisson_of_countless_quanta(rng, strength):
    noise = classics.poisson(np.full(SHAPE, 0.7), rng, strength) - 0.7
    assert noise.std() == pytest.approx(strength * 0.7**0.5, rel=0.01, abs=1e-12)


@pytest.mark.parametrize("level", [0.0, 0.2, 0.7])
def test_poisson_gaussian(rng, level):
    noisy = classics.poisson_gaussian(np.full(SHAPE, level), rng, 0.15, readout=0.4)
    _assert_moments(noisy, level, 0.15**2 * (level + 0.4**2))
    assert _lag(noisy, 0, 1) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("level", [0.2, 0.7])
def test_speckle(rng, level):
    _assert_moments(classics.speckle(np.full(SHAPE, level), rng, 0.2), level, (0.2 * level) ** 2)


def test_salt_and_pepper(rng):
    level, share = 0.4, 0.05
    noisy = classics.salt_and_pepper(np.full(SHAPE, level), rng, share)
    assert set(np.unique(noisy)) == {0.0, level, 1.0}
    for value in (0.0, 1.0):
        assert (noisy == value).mean() == pytest.approx(share / 2, abs=4 * np.sqrt(share / 2 / COUNT))


def test_salt_and_pepper_on_every_pixel(rng):
    assert set(np.unique(classics.salt_and_pepper(np.full((50, 50), 0.4), rng, 1.0))) == {0.0, 1.0}


def test_line(rng):
    noisy = classics.line(np.full(SHAPE, 0.5), rng, 0.1)
    assert (noisy == noisy[:, :1]).all()
    _assert_moments(noisy, 0.5, 0.01, values=SHAPE[0])
    assert _lag(noisy, 0, 7) == pytest.approx(1)
    assert _lag(noisy, 1, 0) == pytest.approx(0, abs=4 / np.sqrt(SHAPE[0]))


@pytest.mark.parametrize("model", ["gaussian", "poisson", "poisson_gaussian", "speckle", "salt_and_pepper", "line"])
def test_strength_zero_changes_nothing(rng, model):
    plane = rng.random((20, 30))
    assert np.array_equal(getattr(classics, model)(plane, rng, 0.0), plane)
