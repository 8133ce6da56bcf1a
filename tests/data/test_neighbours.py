from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data.neighbours import Neighbours, around, have_neighbours, neighbours_among
from pellucid.data.source import open_source

ODD = st.sampled_from([1, 3, 5, 7])


def volume(*shape, start=0):
    """Each slice has its own grey level: its number."""
    count = int(np.prod(shape[:-2]))
    return (start + np.arange(count, dtype=np.uint16)).repeat(shape[-2] * shape[-1]).reshape(shape)


@given(length=st.integers(1, 12), slices=ODD)
def test_neighbours_are_the_nearest_places_of_the_stack(length, slices):
    found = around(np.arange(length), slices, length)
    for place, row in enumerate(found.tolist()):
        assert row[slices // 2] == place
        assert row == [min(max(place + step, 0), length - 1) for step in range(-(slices // 2), slices // 2 + 1)]


@given(
    shapes=st.lists(st.tuples(st.integers(1, 2), st.integers(2, 5)), min_size=1, max_size=3),
    singles=st.integers(0, 4),
    slices=ODD,
    data=st.data(),
)
def test_blocks_and_lists_of_planes_agree_and_keep_to_their_axes(shapes, singles, slices, data):
    arrays = [
        np.stack([volume(depth, 16, 16, start=100 * number + 10 * time) for time in range(times)])
        for number, (times, depth) in enumerate(shapes)
    ]
    arrays += [volume(16, 16, start=1000 + number) for number in range(singles)]
    source = open_source(arrays)
    planes = source.planes
    levels = [int(plane.read()[0, 0]) for plane in planes]
    expected = [[levels[number] for number in row] for row in neighbours_among(planes, slices).tolist()]
    for row in expected:
        assert len({level // 10 for level in row}) == 1
        assert np.all((np.diff(row) == 1) | (np.diff(row) == 0))
    image = source.images[data.draw(st.integers(0, len(source.images) - 1))]
    leading = tuple(slice(first, last + 1) for first, last in _ranges(image, data))
    read = Neighbours(source.images, slices).read(image, leading, slice(2, 5), slice(0, 4))
    assert {block.shape for block in read} == {(*(part.stop - part.start for part in leading), 3, 4)}
    got = np.stack([block[..., 0, 0] for block in read], -1).reshape(-1, slices).tolist()
    own = image.read_block(leading, slice(0, 1), slice(0, 1)).reshape(-1).tolist()
    assert got == [expected[levels.index(level)] for level in own]


def _ranges(image, data):
    for size in image.shape[:-2]:
        first = data.draw(st.integers(0, size - 1))
        yield first, data.draw(st.integers(first, size - 1))


def test_single_images_are_neighbours_if_they_follow_one_another_in_one_shape():
    arrays = [volume(16, 16), volume(16, 16), volume(20, 16), volume(3, 16, 16), volume(16, 16)]
    found = neighbours_among(open_source(arrays).planes, 3).tolist()
    assert found == [[0, 0, 1], [0, 1, 1], [2, 2, 2], [3, 3, 4], [3, 4, 5], [4, 5, 5], [6, 6, 6]]


def test_a_stack_ends_where_slices_are_left_out():
    planes = open_source(volume(6, 16, 16)).planes
    assert neighbours_among([planes[0], planes[1], planes[4]], 3).tolist() == [[0, 0, 1], [0, 1, 1], [2, 2, 2]]


def test_frames_and_channels_have_no_neighbours(tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "frames.tif", volume(4, 32, 32), imagej=True, metadata={"axes": "TYX"})
    source = open_source(tmp_path / "frames.tif")
    assert not have_neighbours(source.planes)
    assert Neighbours(source.images, 3).are_alone(source.images[0])
    blocks = Neighbours(source.images, 3).read(source.images[0], (slice(1, 3),), slice(0, 2), slice(0, 2))
    assert [block[:, 0, 0].tolist() for block in blocks] == [[1, 2]] * 3


@pytest.mark.parametrize(("depth", "alone"), [(1, True), (2, False)])
def test_a_volume_of_one_slice_is_alone(depth, alone):
    images = open_source(volume(depth, 16, 16)).images
    assert Neighbours(images, 3).are_alone(images[0]) is alone
