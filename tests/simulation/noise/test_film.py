"""Film noise against what was measured on empty support films (8 tiles of 512×512, a fraction of the mean)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from pellucid.simulation.noise import film_field
from pellucid.simulation.phantom.fields import stream

TILES = 8
STD = (0.037, 0.078)
SLOW_STD = (0.020, 0.068)
FAST_STD = (0.030, 0.047)
LAGS = {1: (0.54, 0.70), 2: (0.28, 0.50), 4: (0.10, 0.26)}
BANDS = (0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.25, 0.5)
POWER = np.array([9800, 350, 133, 80, 44, 17, 3.8, 1])  # relative to the last band
SKEWNESS = (-0.07, 0.02)
EXCESS_KURTOSIS = (0.1, 0.5)
DIRTY_KURTOSIS = 65  # the highest of tiles with dirt


def _tile(k, strength=1.0, dirt=0.0):
    return film_field((512, 512), stream(20, "film test", k), strength, dirt)


def _split(tile):
    slow = ndimage.gaussian_filter(tile, 16)
    return slow, tile - slow


@pytest.fixture(scope="module")
def tiles():
    return [_tile(k) for k in range(TILES)]


@pytest.fixture(scope="module")
def fast(tiles):
    return [_split(tile)[1] for tile in tiles]


def _kurtosis(field):
    field = field - field.mean()
    return float((field**4).mean() / (field**2).mean() ** 2 - 3)


def test_mean_is_one(tiles):
    assert np.mean([tile.mean() for tile in tiles]) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize(
    ("measure", "measured"),
    [
        (np.std, STD),
        (lambda tile: _split(tile)[0].std(), SLOW_STD),
        (lambda tile: _split(tile)[1].std(), FAST_STD),
    ],
    ids=["whole", "slow", "fast"],
)
def test_standard_deviations_lie_in_the_measured_range(tiles, measure, measured):
    """Single tiles within 15 % of the measured extremes, their mean well inside."""
    values = [measure(tile) for tile in tiles]
    assert min(values) > 0.85 * measured[0]
    assert max(values) < 1.15 * measured[1]
    assert measured[0] < np.mean(values) < measured[1]
    assert max(values) > 1.1 * min(values)


@pytest.mark.parametrize("lag", LAGS)
def test_correlation_of_the_fast_part(fast, lag):
    low, high = LAGS[lag]
    for field in fast:
        down = (field[lag:] * field[:-lag]).mean() / field.var()
        right = (field[:, lag:] * field[:, :-lag]).mean() / field.var()
        assert low <= down <= high
        assert low <= right <= high
        assert down == pytest.approx(right, abs=0.03)


def test_histogram_of_the_fast_part_is_almost_gaussian(fast):
    skewness = [((f - f.mean()) ** 3).mean() / f.std() ** 3 for f in fast]
    kurtosis = [_kurtosis(f) for f in fast]
    assert SKEWNESS[0] <= min(skewness)
    assert max(skewness) <= max(SKEWNESS[1], 0.05)
    assert min(kurtosis) > 0
    assert max(kurtosis) < EXCESS_KURTOSIS[1]
    assert np.mean(kurtosis) > EXCESS_KURTOSIS[0]


def test_power_by_radial_frequency(tiles):
    """Within 25 % in every band but the lowest, which a few random gradients make: there within a factor of 2."""
    window = np.hanning(512)[:, None] * np.hanning(512)
    frequency = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.fftfreq(512))
    powers = np.mean([np.abs(np.fft.fft2((t - t.mean()) * window)) ** 2 for t in tiles], axis=0)
    found = np.array([powers[(frequency >= a) & (frequency < b)].mean() for a, b in pairwise(BANDS)])
    ratio = found / found[-1] / POWER
    assert ratio[1:] == pytest.approx(np.ones(7), rel=0.25)
    assert 0.5 < ratio[0] < 2


def test_dirt_is_a_few_dark_specks():
    """Per tile 0 to 4 specks, 5 to 20 px wide; dirty tiles have heavy tails, up to an excess kurtosis of 65."""
    counts, widths, kurtosis = [], [], []
    for k in range(16):
        dirty = _tile(k, dirt=1.5)
        dark = dirty / _tile(k) < 0.8
        labels, count = ndimage.label(dark)
        counts.append(count)
        widths += [max(s.stop - s.start for s in box) for box in ndimage.find_objects(labels)]
        if count:
            kurtosis.append(_kurtosis(_split(dirty)[1]))
    assert min(counts) == 0
    assert 2 <= max(counts) <= 4
    assert np.mean(counts) == pytest.approx(1.5, abs=0.7)
    assert 5 <= np.median(widths) <= 20
    assert np.quantile(widths, 0.95) <= 23
    assert np.median(kurtosis) > 1
    assert max(kurtosis) < 2 * DIRTY_KURTOSIS


def test_strength_scales_the_shot_noise_and_leaves_the_film_as_it_is():
    calm, strong = (_tile(0, strength=s) for s in (1.0, 7.0))
    slow, fast = _split(calm)
    slow_7, fast_7 = _split(strong)
    assert slow_7.std() / slow.std() < 1.5
    spectra = [np.abs(np.fft.rfft2(tile)) ** 2 for tile in (fast, fast_7)]
    frequency = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512))
    finest = frequency > 0.25
    ratio = spectra[1][finest].sum() / spectra[0][finest].sum()
    assert ratio == pytest.approx(36, rel=0.2)  # 7² of the shot noise, 1 of the mottle
    assert np.array_equal(_tile(0, strength=0.0), np.ones((512, 512)))


def test_never_negative():
    assert _tile(1, strength=60.0, dirt=4).min() >= 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (37, 16)])
def test_any_shape(shape):
    field = film_field(shape, stream(1, "film test"))
    assert field.shape == shape
    assert np.isfinite(field).all()
