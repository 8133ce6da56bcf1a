from __future__ import annotations

import numpy as np
import pytest

from pellucid.data.patches import Coverage, Patches
from pellucid.data.patches.coordinates import Positions
from pellucid.data.patches.coverage import CELL, MOST


def _mask(shape=(150, 210)):
    invalid = np.zeros(shape, bool)
    invalid[:, :90], invalid[100:110, 150:] = True, True
    return invalid


@pytest.mark.parametrize("size", [16, 50, 64, 400])
def test_no_square_is_admitted_that_is_padding_to_more_than_the_share(size):
    invalid = _mask()
    y, x = (each.ravel() for each in np.indices([max(1, side - size + 1) for side in invalid.shape]))
    admitted = Coverage(invalid, size).admits(y, x)
    shares = np.array([invalid[top : top + size, left : left + size].mean() for top, left in zip(y, x, strict=True)])
    assert (shares[admitted] <= MOST).all()
    around = np.pad(invalid, CELL, mode="edge")  # with all cells that a square may have a part of
    free = [
        not around[top : top + size + 2 * CELL, left : left + size + 2 * CELL].any()
        for top, left in zip(y, x, strict=True)
    ]
    assert admitted[free].all()


def test_positions_are_drawn_where_they_are_admitted_alone():
    shapes = [(150, 210), (80, 90), (150, 210)]
    coverage = {0: [Coverage(_mask(), 50)], 1: [Coverage(np.ones((80, 90), bool), 50)]}
    positions = Positions(shapes, 50, coverage)
    coordinates = positions.locate(positions.draw(np.random.default_rng(0), (100, 4)))
    assert set(coordinates.image.ravel().tolist()) == {0, 2}
    first = coordinates.image == 0
    assert coordinates.x[first].min() > 60
    assert coordinates.x[~first].min() < 20
    assert positions.exist
    assert not Positions([(80, 90)], 50, {0: coverage[1]}).exist


def test_without_padding_nothing_changes():
    shapes = [(150, 210), (80, 90)]
    usual, covered = (
        positions.draw(np.random.default_rng(3), 50)
        for positions in (Positions(shapes, 50), Positions(shapes, 50, {0: [Coverage(np.zeros((150, 210), bool), 50)]}))
    )
    assert np.array_equal(usual, covered)


def test_patches_show_what_is_image():
    image = np.random.default_rng(0).integers(1, 255, (150, 210)).astype(np.uint8)
    image[_mask()] = 0
    patches = Patches([image], lambda pixels: pixels.astype(np.float32), 50, {0: [Coverage(_mask(), 50)]})
    drawn = patches.cut(patches.draw(np.random.default_rng(0), 64))
    assert ((drawn == 0).float().mean((1, 2, 3)) <= MOST).all()
