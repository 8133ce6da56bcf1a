from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pellucid.blockwise.grid import Grid, grown, places

sides = st.tuples(st.integers(1, 20), st.integers(1, 12))


@given(st.lists(sides, min_size=2, max_size=4))
def test_every_pixel_lies_in_exactly_one_block(axes):
    axes = [(min(size, 5), step) for size, step in axes[:-2]] + axes[-2:]
    grid = Grid(*map(tuple, zip(*axes, strict=True)))
    covered = np.zeros(grid.shape, int)
    for number in range(len(grid)):
        box = grid.box(number)
        assert all(
            part.start % step == 0 and part.start < part.stop for part, step in zip(box, grid.block, strict=True)
        )
        covered[box] += 1
    assert (covered == 1).all()


@given(st.lists(st.tuples(st.integers(1, 10**4), st.integers(1, 1000)), min_size=2, max_size=4), st.data())
def test_a_huge_grid_costs_nothing_and_numbers_go_in_c_order(axes, data):
    grid = Grid(*map(tuple, zip(*axes, strict=True)))
    number = data.draw(st.integers(0, len(grid) - 1))
    starts = [part.start // step for part, step in zip(grid.box(number), grid.block, strict=True)]
    assert [int(i) for i in np.unravel_index(number, grid.counts)] == starts


units = st.tuples(st.integers(1, 70), st.integers(1, 200))


@given(st.integers(1, 20), st.integers(1, 8), units, units, st.integers(0, 30_000))
def test_blocks_are_whole_units_and_as_large_as_allowed(depth, deep, rows, columns, most):
    unit, shape = (deep, rows[0], columns[0]), (depth, rows[1], columns[1])
    block = grown(unit, shape, most)
    smallest = [min(step, size) for step, size in zip(unit, shape, strict=True)]
    assert block[0] == smallest[0]
    for side, step, size in zip(block, unit, shape, strict=True):
        assert side == size or side % step == 0
    assert list(block) == smallest or math.prod(block) <= most
    if math.prod(shape[1:]) * block[0] <= most:
        assert block[1] >= rows[1]
        assert block[2] >= columns[1]


@given(st.lists(st.integers(1, 5), max_size=3), st.data())
def test_places_count_the_planes_of_the_whole(shape, data):
    box = []
    for size in shape:
        start = data.draw(st.integers(0, size - 1))
        box.append(slice(start, data.draw(st.integers(start + 1, size))))
    numbers = np.arange(math.prod(shape)).reshape(shape)
    part = numbers[tuple(box)]
    assert [number for number, _ in places(tuple(box), shape)] == part.ravel().tolist()
    assert all(part[at] == number for number, at in places(tuple(box), shape))
