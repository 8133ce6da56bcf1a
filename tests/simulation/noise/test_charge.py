"""Charge noise against what was measured on charging specimens (rows are scan lines)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pellucid.simulation.noise import charge_field
from pellucid.simulation.phantom.fields import stream

BASE, CENTRE, AT_300 = 142, 26, 130
FINE_STD = 6 / 142


def _tile(k, objects, strength=1.0, shape=(512, 512)):
    return charge_field(shape, stream(30, "charge test", k), strength, objects)


@pytest.fixture(scope="module")
def quiet():
    """The fine noise alone."""
    return _tile(0, objects=0)


def _correlation(field, down, right):
    field = field - field.mean()
    moved = field[down:, right:]
    return float((moved * field[: field.shape[0] - down, : field.shape[1] - right]).mean() / field.var())


def test_fine_noise_has_the_measured_strength(quiet):
    assert quiet.mean() == pytest.approx(1, abs=0.002)
    assert quiet.std() == pytest.approx(FINE_STD, rel=0.02)


@pytest.mark.parametrize(
    ("down", "right", "measured"), [(0, 1, 0.45), (0, 2, 0.04), (0, 3, 0), (1, 0, 0), (2, 0, 0), (1, 1, 0)]
)
def test_fine_noise_correlates_along_the_scan_only(quiet, down, right, measured):
    assert _correlation(quiet, down, right) == pytest.approx(measured, abs=0.01)


@pytest.fixture(scope="module")
def shadows():
    """Single objects on wide planes, without their fine noise: (smoothed rows, row and column of the darkest point)."""
    found = []
    for k in range(60):
        field = _tile(k, objects=0.5, shape=(256, 2048))  # area of two tiles: exactly one object
        smooth = ndimage.gaussian_filter1d(field, 4, axis=1)
        row, column = np.unravel_index(smooth.argmin(), smooth.shape)
        if 40 < row < 216 and 400 < column < 1648:
            found.append((smooth, row, column))
    assert len(found) > 15
    return found


def test_objects_are_nearly_black(shadows):
    darkest = BASE * np.array([field[row, column] for field, row, column in shadows])
    assert np.median(darkest) == pytest.approx(CENTRE, abs=8)
    assert darkest.min() > 0
    assert darkest.max() < 50


def test_tails_fade_along_the_scan_on_both_sides(shadows):
    """On average from 26 at the centre to about 130 of 142 at 300 px; single tails reach 10 % after 100 to 350 px."""
    profiles = []
    for field, row, column in shadows:
        lines = field[row - 2 : row + 3].mean(axis=0) / np.median(field[row - 2 : row + 3, -250:])
        profiles += [lines[column : column + 400], lines[column - 399 : column + 1][::-1]]
    mean = BASE * np.mean(profiles, axis=0)
    assert mean[0] < 45
    assert mean[300] == pytest.approx(AT_300, abs=12)
    assert (np.diff(ndimage.gaussian_filter1d(mean, 15)) > -0.2).all()
    at_150 = BASE * np.array([p[150] for p in profiles])
    assert (at_150 < 125).mean() > 0.4


def test_edges_across_the_scan_are_sharp(shadows):
    """Beside the centre, in its column, the shadow ends within a few lines; in its row it is there 60 px further."""
    for field, row, column in shadows:
        step = np.abs(np.diff(field[:, column])).max()
        assert step > 0.2
        assert np.abs(np.diff(field[row])).max() < step


def test_whole_lines_are_brighter_and_darker_beside_objects():
    """Means of lines, far from any shadow, vary more than fine noise alone would let them."""
    spread = []
    for k in range(12):
        lines = np.median(_tile(k, objects=2.5, shape=(512, 512)), axis=1)
        spread += list(lines[lines > 0.93])
    alone = np.median(_tile(0, objects=0), axis=1).std()
    assert np.std(spread) > 2 * alone
    assert max(spread) > 1.03


def test_number_of_objects():
    """A whole number of tiles times 2.5: two or three objects a tile, so that planes are alike."""
    dark = [ndimage.gaussian_filter(_tile(k, objects=2.5), 3) < 0.45 for k in range(12)]
    assert all(mask.any() for mask in dark)
    assert not (ndimage.gaussian_filter(_tile(0, objects=0), 3) < 0.45).any()


def test_strength():
    assert np.array_equal(_tile(3, 2.5, strength=0.0), np.ones((512, 512)))
    weak, strong = _tile(3, 0, strength=0.5), _tile(3, 0, strength=3.0)
    assert strong.std() / weak.std() == pytest.approx(6, rel=1e-6)
    assert _tile(3, 2.5, strength=50.0).min() >= 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (37, 16), (90, 700)])
def test_any_shape(shape):
    field = _tile(5, objects=400, shape=shape)
    assert field.shape == shape
    assert np.isfinite(field).all()
