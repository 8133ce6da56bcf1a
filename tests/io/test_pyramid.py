from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import block_reduce

from pellucid.io.pyramid import downsample, halvings, shrunk

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]


def reference(block, factors):
    """Means of whole and partial cells: scikit-image fills the border up with NaN, which is left out."""
    return block_reduce(block.astype(np.float64), tuple(factors), func=np.nanmean, cval=np.nan)


@st.composite
def blocks(draw):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=4, max_side=9))
    dtype = draw(st.sampled_from(DTYPES))
    numbers = np.random.default_rng(draw(st.integers(0, 1000)))
    high = np.iinfo(dtype).max if dtype[0] in "ui" else 1000
    return numbers.uniform(0, high, shape).astype(dtype), [draw(st.integers(1, 4)) for _ in shape]


@settings(max_examples=200)
@given(blocks())
def test_it_is_the_mean_of_every_cell(case):
    block, factors = case
    expected = reference(block, factors)
    made = downsample(block, factors)
    assert made.dtype == block.dtype
    if block.dtype.kind in "iu":
        np.testing.assert_array_equal(made, np.rint(expected).astype(block.dtype))
    else:
        np.testing.assert_allclose(made, expected, rtol=max(1e-14, np.finfo(block.dtype).eps))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint16"])
def test_halves_go_to_the_even_neighbour(dtype):
    pairs = np.array([[0, 1, 1, 2, 2, 3, 3, 4]], dtype)
    np.testing.assert_array_equal(downsample(pairs, [1, 2]), [[0, 2, 2, 4]])


def test_the_largest_numbers_do_not_overflow():
    for dtype in ("uint8", "uint16", "uint32", "int32"):
        block = np.full((8, 8, 8), np.iinfo(dtype).max, dtype)
        np.testing.assert_array_equal(downsample(block, [8, 8, 8]), [[[np.iinfo(dtype).max]]])


def test_cells_at_the_border_are_means_of_what_they_have():
    np.testing.assert_array_equal(downsample(np.array([[2.0, 4.0, 6.0, 8.0, 10.0]]), [1, 2]), [[3.0, 7.0, 10.0]])


def test_not_a_number_is_left_out_of_a_cell_that_has_others():
    block = np.array([[1.0, np.nan, np.nan, np.nan, 5.0], [3.0, np.nan, np.nan, np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(downsample(block, [2, 2]), np.array([[2.0, np.nan, 5.0]], np.float32))


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))
def test_blocks_that_start_at_cells_make_the_same_as_the_whole(size, factor, cells, seed):
    whole = np.random.default_rng(seed).integers(0, 255, (size, 7)).astype(np.uint8)
    step = factor * cells
    parts = [downsample(whole[top : top + step], [factor, 2]) for top in range(0, size, step)]
    np.testing.assert_array_equal(np.concatenate(parts), downsample(whole, [factor, 2]))


def test_planes_are_halved_until_they_fit_on_a_screen():
    assert halvings({"Y": 512, "X": 512}, {}) == []
    assert halvings({"Z": 9, "Y": 100, "X": 2000}, {}) == [{"Z": 1, "Y": 2, "X": 2}] * 2
    assert halvings({"Y": 1, "X": 600}, {}) == [{"Y": 1, "X": 2}]


def test_depth_is_halved_once_its_pixels_are_no_longer_than_the_others():
    sizes = {"T": 3, "C": 2, "Z": 200, "Y": 4096, "X": 4096}
    factors = halvings(sizes, {"Z": 16.0, "Y": 4.0, "X": 4.0})
    assert [one["Z"] for one in factors] == [1, 1, 2]
    assert all(one["Y"] == one["X"] == 2 and one["T"] == one["C"] == 1 for one in factors)
    assert [one["Z"] for one in halvings(sizes, {"Z": 4.0, "Y": 4.0, "X": 4.0})] == [2, 2, 2]


def test_a_level_has_a_pixel_for_every_cell_that_is_begun():
    assert shrunk({"C": 2, "Z": 5, "Y": 101, "X": 100}, {"Z": 2, "Y": 2, "X": 3}) == {"C": 2, "Z": 3, "Y": 51, "X": 34}
