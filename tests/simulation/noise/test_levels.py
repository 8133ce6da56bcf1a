from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pellucid.errors import InputError
from pellucid.simulation.noise.levels import from_intensity, intensity_range, to_intensity

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_have_their_types_range(dtype):
    info = np.iinfo(dtype)
    assert intensity_range(np.zeros(3, dtype)) == (info.min, info.max)


@given(st.sampled_from(INTEGERS).flatmap(lambda dtype: arrays.arrays(dtype, (3, 4))))
def test_there_and_back_is_exact_for_integers(image):
    levels = intensity_range(image)
    plane = to_intensity(image, levels)
    assert plane.min() >= 0
    assert plane.max() <= 1
    assert np.array_equal(from_intensity(plane, levels, image.dtype), image)


def test_rounding_is_half_to_even_and_values_are_clipped():
    plane = np.array([0.5, 1.5, 2.5, -3, 300]) / 255
    assert from_intensity(plane, (0, 255), np.dtype("uint8")).tolist() == [0, 2, 2, 0, 255]


def test_floats_are_neither_rounded_nor_clipped():
    assert from_intensity(np.array([-0.2, 1.3]), (0, 10), np.dtype("float32")).tolist() == pytest.approx([-2, 13])


@pytest.mark.parametrize("image", [np.array([0.0, 1.5]), np.array([-0.1, 1]), np.array([0.5, np.nan])])
def test_floats_of_unknown_range_are_refused(image):
    with pytest.raises(InputError, match="data_range"):
        intensity_range(image)
    assert intensity_range(image, (-1, 2)) == (-1, 2)


@pytest.mark.parametrize("levels", [(1, 1), (2, 1), (0, np.nan), (0, np.inf)])
def test_empty_ranges_are_refused(levels):
    with pytest.raises(InputError, match="empty"):
        intensity_range(np.zeros(3), levels)


@pytest.mark.parametrize("dtype", ["bool", "complex64"])
def test_other_types_are_refused(dtype):
    with pytest.raises(InputError, match=dtype):
        intensity_range(np.zeros(3, dtype))
