from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pellucid.inference.tiles import Box, largest_side, tile_around, tiles

plans = st.tuples(
    st.integers(4, 60), st.integers(4, 60), st.integers(4, 20), st.integers(0, 15), st.sampled_from([1, 2, 4])
)


@given(plans)
def test_cores_cover_every_pixel_exactly_once(plan):
    height, width, side, halo, stride = plan
    covered = np.zeros((height * stride, width * stride), int)
    for tile in tiles(height * stride, width * stride, side * stride, halo * stride):
        covered[tile.core.slices] += 1
    assert (covered == 1).all()


@given(plans)
def test_what_is_read_is_the_core_and_its_halo_within_the_image(plan):
    *counts, stride = plan
    height, width, side, halo = (count * stride for count in counts)
    for read, core in tiles(height, width, side, halo):
        assert read == Box(
            max(core.top - halo, 0),
            min(core.bottom + halo, height),
            max(core.left - halo, 0),
            min(core.right + halo, width),
        )
        assert all(border % stride == 0 for border in (*read, *core))
        assert core.bottom - core.top <= side


@given(plans, st.integers(0, 1000))
def test_a_core_is_found_again_in_what_was_read(plan, seed):
    *counts, stride = plan
    height, width, side, halo = (count * stride for count in counts)
    image = np.arange(height * width).reshape(height, width)
    plan = list(tiles(height, width, side, halo))
    read, core = plan[seed % len(plan)]
    assert np.array_equal(image[read.slices][core.within(read).slices], image[core.slices])
    small = image[::stride, ::stride]
    scaled = Box(*(border // stride for border in core))
    small_read = small[Box(*(border // stride for border in read)).slices]
    assert np.array_equal(small_read[core.within(read, stride).slices], small[scaled.slices])


@given(plans, st.tuples(*[st.floats(0, 1)] * 4))
def test_around_any_core_is_read_what_its_pixels_see(plan, shares):
    height, width, _, halo, stride = plan
    height, width, halo = height * stride, width * stride, halo * stride
    top, bottom = sorted(int(share * (height - 1)) for share in shares[:2])
    left, right = sorted(int(share * (width - 1)) for share in shares[2:])
    core = Box(top, bottom + 1, left, right + 1)
    read, kept = tile_around(core, height, width, halo, stride)
    assert kept == core
    assert all(border % stride == 0 for border in read)
    for start, end, first, last, size in ((*read[:2], *core[:2], height), (*read[2:], *core[2:], width)):
        assert 0 <= start <= max(0, first - halo)
        assert min(size, last + halo) <= end <= size
        assert end - start <= last - first + 2 * (halo + stride - 1)  # and little more


@given(st.tuples(*[st.integers(0, 90)] * 4), st.integers(1, 40))
def test_a_box_is_cut_into_squares_that_cover_it_once(borders, side):
    top, height, left, width = borders
    box = Box(top, top + height, left, left + width)
    covered = np.zeros((180, 180), int)
    for piece in box.cut(side):
        assert 0 < min(piece.shape) <= max(piece.shape) <= side
        covered[piece.slices] += 1
    assert covered.sum() == covered[box.slices].sum() == box.area
    assert covered.max(initial=0) <= 1


@given(st.floats(0, 1e9), st.integers(0, 60), st.sampled_from([1, 2, 4]))
def test_the_largest_core_is_affordable_and_a_multiple_of_the_stride(pixels, halo, stride):
    halo *= stride
    side = largest_side(pixels, halo, stride)
    assert side % stride == 0
    assert side >= 4 * stride
    if side > 4 * stride:
        assert (side + 2 * halo) ** 2 <= pixels
        assert (side + stride + 1 + 2 * halo) ** 2 > pixels
