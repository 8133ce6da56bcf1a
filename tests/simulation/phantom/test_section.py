from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.simulation.phantom.scene import Cell, Tube
from pellucid.simulation.phantom.section import HALO, cut, tube_distance


def _positions(z=0.0, size=100):
    y, x = np.mgrid[:size, :size].astype(np.float32)
    return np.full_like(y, z), y, x


def _ball(z, y, x, radius):
    return Tube(np.array([[z, y, x]]), np.array([radius]))


@given(st.floats(-12, 12), st.floats(20, 80), st.floats(20, 80), st.floats(4, 25))
@settings(max_examples=25)
def test_distance_to_a_ball_is_exact(z, y, x, radius):
    position = _positions()
    found = tube_distance(_ball(z, y, x, radius), position, HALO)
    assert found is not None
    box, distance = found
    exact = np.sqrt(z**2 + (position[1] - y) ** 2 + (position[2] - x) ** 2) - radius
    assert distance == pytest.approx(exact[box], abs=1e-3)
    outside = np.ones(exact.shape, dtype=bool)
    outside[box] = False
    assert not outside.any() or exact[outside].min() >= HALO


def test_a_tube_far_from_the_plane_or_the_image_is_skipped():
    assert tube_distance(_ball(80, 50, 50, 10), _positions(), HALO) is None
    assert tube_distance(_ball(0, 50, 400, 10), _positions(), HALO) is None


def test_distance_to_a_straight_tube_is_that_to_its_axis():
    tube = Tube(np.array([[0.0, 50, 10], [0, 50, 50], [0, 50, 90]]), np.full(3, 12.0))
    box, distance = tube_distance(tube, _positions(), HALO)
    whole = np.full((100, 100), np.inf)
    whole[box] = distance
    assert whole[50, 50] == pytest.approx(-12)
    assert whole[62, 33] == pytest.approx(0, abs=1e-4)


def test_two_equal_cells_meet_half_way_with_depth_in_pixels():
    cells = [Cell(_ball(0, 50, 30, 20), 160, 1), Cell(_ball(0, 50, 70, 20), 160, 1)]
    section = cut(cells, _positions(), np.full((100, 100), 12, dtype=np.float32))
    assert section.owner[50, 30] == 0
    assert section.owner[50, 70] == 1
    assert section.owner[50, 49] == 0
    assert section.owner[50, 51] == 1
    assert section.owner[2, 2] == -1
    depth = section.depth[50, 42:51]
    assert depth == pytest.approx(np.arange(8, -1, -1), abs=0.6)
    assert section.depth.min() >= 0
