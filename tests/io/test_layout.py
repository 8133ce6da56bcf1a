from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import InputError
from pellucid.io.layout import Layout, default_layout, first_grey, named_layout

SIZES = {"T": 2, "C": 3, "Z": 4, "Y": 5, "X": 6}


@given(st.lists(st.sampled_from("TCZ"), unique=True, max_size=3), st.booleans(), st.randoms())
def test_regions_come_in_the_order_of_the_axes_and_go_back(leading, samples, random):
    letters = [*leading, "Y", "X", *("S" if samples else "")]
    random.shuffle(letters)
    sizes = SIZES | {"S": 3}
    layout = Layout("".join(letters))
    stored = np.arange(np.prod([sizes[a] for a in letters])).reshape([sizes[a] for a in letters])
    wanted = layout.axes + ("S" if samples else "")
    place = {axis: slice(1, sizes[axis]) for axis in layout.axes}
    region = layout.to_axes(stored[layout.index(place)])
    expected = stored.transpose([letters.index(axis) for axis in wanted])[(slice(1, None),) * len(layout.axes)]
    assert layout.shape(stored.shape) == tuple(sizes[axis] for axis in layout.axes)
    np.testing.assert_array_equal(region, expected)
    np.testing.assert_array_equal(layout.from_axes(region, wanted), stored[layout.index(place)])


@pytest.mark.parametrize(
    ("shape", "stored"),
    [((20, 30), "YX"), ((9, 20, 30), "ZYX"), ((2, 9, 20, 30), "TZYX"), ((2, 1, 9, 20, 30), "TCZYX"),
     ((20, 30, 3), "YXS"),
     ((9, 20, 30, 4), "ZYXS"), ((3, 20, 30), "ZYX"), ((20, 3), "YX")],
)  # fmt: skip
def test_axes_by_number_of_dimensions(shape, stored):
    assert default_layout(shape, "a").stored == stored


@pytest.mark.parametrize("shape", [(), (40,), (1, 1, 1, 1, 20, 20)])
def test_too_few_or_too_many_dimensions_are_refused(shape):
    with pytest.raises(InputError, match=r"a\.npy: has \d dimensions? .*reshape it to one of these"):
        default_layout(shape, "a.npy")


def test_unknown_axes_become_free_ones():
    assert named_layout("IYX", (1, 2, 3), "a").axes == "ZYX"
    assert named_layout("QTYX", (1, 1, 2, 3), "a").axes == "ZTYX"
    assert named_layout("zyx", (1, 2, 3), "a").axes == "ZYX"


@pytest.mark.parametrize("axes", ["ZY", "YXX", "QIRHYX"])
def test_axes_that_are_no_image_are_refused(axes):
    with pytest.raises(InputError, match="an image has Y, X"):
        named_layout(axes, (2,) * len(axes), "a")


def test_grey_in_colour_channels_is_found_and_alpha_ignored():
    grey = np.arange(12).reshape(3, 4)
    for samples in (1, 3):
        np.testing.assert_array_equal(first_grey(np.stack([grey] * samples, -1), "a"), grey)
    for samples in (2, 4):
        block = np.stack([grey] * (samples - 1) + [grey * 0 + 7], -1)
        np.testing.assert_array_equal(first_grey(block, "a"), grey)
    with pytest.raises(InputError, match=r"^a: is a colour image; Pellucid denoises one channel at a time"):
        first_grey(np.stack([grey, grey, grey + 1], -1), "a")
