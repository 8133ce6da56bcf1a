from __future__ import annotations

import numpy as np
import pytest

from pellucid.simulation.phantom.fields import GrainField, SmoothField, stream


def test_stream_gives_published_philox_numbers():
    """The numbers come from the counter-based generator alone: they are the same on every machine and day."""
    first = stream(7, "scene", 3).integers(0, 2**32, 4).tolist()
    assert first == stream(7, "scene", 3).integers(0, 2**32, 4).tolist()
    assert first == [2852110109, 2912076020, 1113152961, 3197972060]


@pytest.mark.parametrize("other", [(8, "scene", 3), (7, "looks", 3), (7, "scene", 4)])
def test_streams_differ_by_seed_name_and_index(other):
    assert stream(7, "scene", 3).random() != stream(*other).random()


def test_smooth_field_has_unit_variance_and_no_jumps():
    field = SmoothField((8, 600, 600), 10.0, stream(1, "t"))
    plane = field.plane(4)
    assert plane.shape == (600, 600)
    assert plane.std() == pytest.approx(1, abs=0.12)
    assert np.abs(np.diff(plane, axis=0)).max() < 0.5
    assert np.abs(field.plane(5) - plane).max() < 0.5


def test_smooth_field_is_the_same_whichever_planes_were_asked_before():
    fresh = SmoothField((8, 40, 40), 10.0, stream(1, "t"))
    used = SmoothField((8, 40, 40), 10.0, stream(1, "t"))
    for z in range(5):
        used.plane(z)
    assert np.array_equal(fresh.plane(6), used.plane(6))


@pytest.mark.parametrize("sigma", [0.8, 1.5, 3.0])
def test_grain_correlates_as_a_blurred_white_field_in_all_axes(sigma):
    """White noise blurred by a Gaussian of σ has the correlation exp(−d² / 4σ²)."""
    field = GrainField((6, 400, 400), sigma, 3, "t")
    plane, above = field.plane(0), field.plane(2)
    assert plane.std() == pytest.approx(1, abs=0.06)
    expected = np.exp(-(2**2) / (4 * sigma**2))
    assert np.mean(plane[:, 2:] * plane[:, :-2]) == pytest.approx(expected, abs=0.07)
    assert np.mean(plane[2:] * plane[:-2]) == pytest.approx(expected, abs=0.07)
    assert np.mean(plane * above) == pytest.approx(expected, abs=0.07)


def test_grain_is_the_same_whichever_planes_were_asked_before():
    used = GrainField((6, 32, 32), 1.5, 3, "t")
    for z in range(4):
        used.plane(z)
    assert np.array_equal(used.plane(4), GrainField((6, 32, 32), 1.5, 3, "t").plane(4))
