from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from pellucid.data.patches.coordinates import Positions, fill, orient

SHAPES = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=5)


@given(SHAPES, st.integers(1, 12))
def test_every_number_is_another_place_and_every_place_has_a_number(shapes, size):
    positions = Positions(shapes, size)
    expected = {
        (image, y, x, orientation)
        for image, (height, width) in enumerate(shapes)
        for y in range(max(1, height - size + 1))
        for x in range(max(1, width - size + 1))
        for orientation in range(8)
    }
    numbers = np.arange(len(expected))
    coordinates = positions.locate(numbers)
    assert set(zip(*(each.tolist() for each in coordinates), strict=True)) == expected
    assert np.array_equal(positions.number(coordinates), numbers)
    drawn = positions.draw(np.random.default_rng(0), (3, 50))
    assert drawn.shape == (3, 50)
    assert drawn.min() >= 0
    assert drawn.max() < len(expected)


def test_positions_are_drawn_equally_often():
    positions = Positions([(9, 12), (8, 8), (30, 5)], 8)
    count = 8 * (2 * 5 + 1 + 23)
    numbers = positions.draw(np.random.default_rng(1), 40 * count)
    assert chisquare(np.bincount(numbers, minlength=count)).pvalue > 1e-3


def test_positions_of_images_of_many_pixels():
    positions = Positions([(200_000, 200_000)] * 100, 64)
    last = np.array([8 * 100 * (200_000 - 63) ** 2 - 1])
    assert [int(each[0]) for each in positions.locate(last)] == [99, 199_936, 199_936, 7]
    assert np.array_equal(positions.number(positions.locate(last)), last)


def test_eight_orientations():
    image = np.arange(9).reshape(3, 3)
    found = [orient(image, which) for which in range(8)]
    assert len({turned.tobytes() for turned in found}) == 8
    assert [turned.tolist()[0] for turned in found[:5]] == [[0, 1, 2], [2, 1, 0], [6, 7, 8], [8, 7, 6], [0, 3, 6]]
    for turns in range(4):
        assert any(np.array_equal(np.rot90(image, turns), turned) for turned in found)


def test_small_pieces_are_mirrored_at_the_end():
    assert fill(np.array([[1, 2], [3, 4]]), 3).tolist() == [[1, 2, 2], [3, 4, 4], [3, 4, 4]]
    enough = np.ones((3, 3))
    assert fill(enough, 3) is enough
