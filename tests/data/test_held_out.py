from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data.held_out import LEAST, MOST, SHARE, PlanePart, hold_out
from pellucid.data.plane_cache import cache_planes
from pellucid.data.source import open_source
from pellucid.io.writing import write_array

TALL = SHARE * LEAST


def planes(*shapes, dtype="uint8"):
    """Planes of these shapes, no two rows alike."""
    random = np.random.default_rng(0)
    return open_source([random.integers(0, 255, shape).astype(dtype) for shape in shapes]).planes


def rows(parts):
    """All rows of some planes, as bytes."""
    return [row.tobytes() for part in parts for row in part.read()]


@given(count=st.integers(SHARE, 200))
def test_an_eighth_of_many_planes_is_held_out_whole(count):
    given_planes = open_source(np.zeros((count, 16, 16), np.uint8)).planes
    kept, held = hold_out(given_planes)
    assert len(held) == min(count // SHARE, MOST)
    indices = [[plane.index for plane in part] for part in (kept, held)]
    assert indices == [sorted(each) for each in indices]
    assert sorted(indices[0] + indices[1]) == [plane.index for plane in given_planes]


@pytest.mark.parametrize("shapes", [[(TALL, 40)], [(TALL, 40), (TALL + 77, 50)]])
def test_of_few_planes_the_last_rows_are_held_out(shapes):
    given_planes = planes(*shapes)
    kept, held = hold_out(given_planes)
    assert [part.shape for part in held] == [(height // SHARE, width) for height, width in shapes]
    assert [part.read().shape for part in held] == [part.shape for part in held]
    for whole, upper, lower in zip(given_planes, kept, held, strict=True):
        np.testing.assert_array_equal(np.concatenate([upper.read(), lower.read()]), whole.read())
    assert not set(rows(kept)) & set(rows(held))


@pytest.mark.parametrize("shapes", [[(TALL - 1, 600)], [(1000, 600), (100, 100)], [(64, 64)] * (SHARE - 1)])
def test_few_small_planes_are_all_learned_from(shapes):
    given_planes = planes(*shapes)
    assert hold_out(given_planes) == (given_planes, [])


@pytest.mark.parametrize("shapes", [[(20, 20)] * 30, [(TALL, 30), (TALL + 9, 20)]])
def test_pairs_stay_pairs(shapes):
    noisy = planes(*shapes)
    truth = open_source([255 - plane.read() for plane in noisy]).planes
    for one, other in zip(hold_out(noisy), hold_out(truth), strict=True):
        assert len(one) > 0
        for plane, partner in zip(one, other, strict=True):
            np.testing.assert_array_equal(255 - plane.read(), partner.read())


@given(
    window=st.tuples(
        st.slices(40).filter(lambda part: (part.step or 1) > 0), st.slices(30).filter(lambda part: (part.step or 1) > 0)
    )
)
def test_a_part_is_read_like_an_array_of_its_rows(window):
    (plane,) = planes((90, 30))
    part = PlanePart(plane, slice(50, 90))
    np.testing.assert_array_equal(part[window], plane.read()[50:90][window])


def test_a_part_is_a_plane():
    (plane,) = planes((90, 30), dtype="uint16")
    part = PlanePart(plane, slice(50, 80))
    assert (part.shape, part.dtype, part.name) == ((30, 30), np.uint16, plane.name)
    for memory in (0, 1 << 20):
        (cached,) = cache_planes([part], memory)
        np.testing.assert_array_equal(cached, plane.read()[50:80])


def test_a_part_of_a_file_that_is_mapped(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (TALL, 20)).astype(np.uint8)
    write_array(tmp_path / "a.npy", image)
    kept, held = hold_out(open_source(tmp_path / "a.npy").planes)
    for part, expected in ((kept[0], image[:-LEAST]), (held[0], image[-LEAST:])):
        np.testing.assert_array_equal(part.read(), expected)
        np.testing.assert_array_equal(cache_planes([part], 0)[0], expected)


def test_masks_are_those_of_the_rows():
    image = np.arange(TALL * 20, dtype=np.float32).reshape(TALL, 20)
    (plane,) = open_source(image).planes
    plane.image.data_bar = 10
    kept, held = hold_out([plane])
    assert not np.ma.getmaskarray(kept[0].read()).any()
    mask = np.ma.getmaskarray(held[0].read())
    assert mask[-10:].all()
    assert not mask[:-10].any()
