from __future__ import annotations

import numpy as np
import pytest

from pellucid.simulation.phantom.fields import stream
from pellucid.simulation.phantom.scene import GRID, KINDS, MARGIN, Space, Tube, build


def test_space_takes_the_inside_of_a_ball():
    space = Space((1, 120, 120))
    space.take(Tube(np.array([[0.0, 60.0, 60.0]]), np.array([30.0])))
    volume = space.taken.sum() * GRID**3
    assert volume == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.1)
    clearance = space.clearance()
    centre = tuple(space.index(np.array([[0.0, 60.0, 60.0]]))[0])
    beside = tuple(space.index(np.array([[0.0, 60.0, 120.0]]))[0])
    assert clearance[centre] == 0
    assert clearance[beside] == pytest.approx(30, abs=GRID)


def test_an_empty_space_is_clear():
    assert Space((1, 20, 20)).clearance().min() > 100


def test_cells_come_in_all_sizes_and_fill_the_plane():
    cells = build((1, 512, 512), 4)
    radii = np.array([cell.body.radii.mean() for cell in cells])
    assert (radii > KINDS[0].radius[0] * 0.7).any()
    assert (radii < 8).sum() > 20
    space = Space((1, 512, 512))
    for cell in cells:
        space.take(cell.body)
    low = MARGIN // GRID
    assert space.taken[low, low:-low, low:-low].mean() > 0.6


def test_organelles_lie_inside_their_cells_and_apart():
    cells = build((1, 512, 512), 4)
    assert sum(len(cell.mitochondria) for cell in cells) > 50
    assert sum(cell.nucleus is not None for cell in cells) >= 1
    assert sum(len(cell.vesicles) for cell in cells) > 1000
    for cell in cells:
        for k, tube in enumerate(cell.mitochondria):
            distance = np.linalg.norm(cell.body.points - tube.points[1], axis=1)
            assert distance.min() <= cell.body.radii.max()
            for other in cell.mitochondria[:k]:
                gap = np.linalg.norm(tube.points[1] - other.points[1]) - tube.radii[1] - other.radii[1]
                assert gap > 3


def test_cells_do_not_start_inside_larger_ones():
    """Packing: a node of a later cell is never deep inside an earlier one."""
    cells = build((1, 300, 300), 9)
    nodes = [(cell.body.points[len(cell.body.radii) // 2], k) for k, cell in enumerate(cells)]
    for k, cell in enumerate(cells):
        for node, later in nodes:
            if later > k:
                deep = cell.body.radii - np.linalg.norm(cell.body.points - node, axis=1)
                assert deep.max() < 3 * GRID


def test_scene_depends_on_the_seed_alone():
    one, two = build((1, 128, 128), 5), build((1, 128, 128), 5)
    assert len(one) == len(two)
    assert all(np.array_equal(a.body.points, b.body.points) for a, b in zip(one, two, strict=True))
    other = build((1, 128, 128), 6)
    assert len(other) != len(one) or not np.array_equal(other[0].body.points, one[0].body.points)


def test_building_leaves_other_streams_alone():
    before = stream(5, "looks").random()
    build((1, 64, 64), 5)
    assert stream(5, "looks").random() == before
