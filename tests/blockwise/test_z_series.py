from __future__ import annotations

import math
from collections import namedtuple
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pellucid.blockwise.z_series import THINNEST, ZSeries

Layered = namedtuple("Layered", "axes shape")
Part = namedtuple("Part", "origin shape")


@st.composite
def images(draw):
    axes = "".join(axis for axis in "TCZ" if draw(st.booleans())) + "YX"
    return Layered(axes, (*(draw(st.integers(1, 4)) for _ in axes[:-2]), 20, 30))


def planes_of(image):
    return math.prod(image.shape[:-2])


@given(st.lists(images(), min_size=1, max_size=5))
def test_every_plane_has_one_place_and_is_found_there(images):
    index = ZSeries(images)
    places = set()
    for number, image in enumerate(images):
        for plane in range(planes_of(image)):
            series, place = found = index.locate(number, plane)
            assert index.planes[series][place].tolist() == [number, plane]
            assert found not in places
            places.add(found)
    assert places == {(n, place) for n, series in enumerate(index.planes) for place in range(len(series))}


@given(images())
def test_a_series_goes_along_one_axis_in_order(image):
    for series in ZSeries([image]).planes:
        places = np.transpose(np.unravel_index(series[:, 1], image.shape[:-2] or (1,)))
        drift = next((image.axes.index(axis) for axis in "ZT" if axis in image.axes), None)
        if drift is None:
            assert len(series) == 1
            continue
        assert places[:, drift].tolist() == list(range(image.shape[drift]))
        assert (np.delete(places, drift, 1) == np.delete(places[:1], drift, 1)).all()


def test_sections_are_one_series_for_each_channel():
    index = ZSeries([Layered("YX", (9, 9)), Layered("CYX", (2, 9, 9)), Layered("YX", (9, 9))])
    assert [series.tolist() for series in index.planes] == [[[0, 0], [1, 0], [2, 0]], [[1, 1]]]
    assert index.locate(1, 1) == (1, 0)


@given(st.lists(images(), min_size=1, max_size=4), st.data())
def test_all_planes_of_a_region_are_in_it(images, data):
    parts = []
    for image in images:
        origin = tuple(
            data.draw(st.integers(0, size - 1)) if axis in "ZYX" else 0 for axis, size in zip(*image, strict=True)
        )
        room = [(start, size) for start, size in zip(origin, image.shape, strict=True)]
        shape = tuple(
            data.draw(st.integers(1, size - start)) if axis in "ZYX" else size
            for axis, (start, size) in zip(image.axes, room, strict=True)
        )
        parts.append(Part(origin, shape))
    index = ZSeries(images)
    wanted = {}
    for number, (image, part) in enumerate(zip(images, parts, strict=True)):
        inside = [slice(start, start + size) for start, size in zip(*part, strict=True)][:-2]
        planes = np.arange(planes_of(image)).reshape(image.shape[:-2])[tuple(inside)]
        for plane in np.ravel(planes):
            series, place = index.locate(number, int(plane))
            wanted.setdefault(series, []).append(place)
    expected = {series: range(min(places), max(places) + 1) for series, places in wanted.items()}
    assert index.places_in(parts, images) == expected


@given(st.integers(1, 1500), st.integers(256, 10**8))
def test_slabs_cover_a_series_once_and_are_equally_thick(count, plane_pixels):
    slabs = ZSeries([Layered("ZYX", (count, 9, 9))]).slabs(0, plane_pixels)
    assert (slabs[0].start, slabs[-1].stop) == (0, count)
    assert all(one.stop == other.start for one, other in pairwise(slabs))
    thickness = [slab.stop - slab.start for slab in slabs]
    assert max(thickness) - min(thickness) <= 1
    assert len(slabs) == 1 or min(thickness) >= 2 * THINNEST // 3
    assert all(slab.start <= slab.centre <= slab.stop - 1 for slab in slabs)
