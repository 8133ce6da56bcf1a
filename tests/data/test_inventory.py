from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pellucid.data import inventory
from pellucid.data.inventory import bars, inspect_source
from pellucid.data.source import open_source
from pellucid.io.pixel_size import PixelSize
from pellucid.io.writing import write_array


def test_the_figures_are_those_of_the_pixels(tmp_path):
    array = np.random.default_rng(0).gamma(4, 10, (3, 60, 80)).clip(0, 255).astype(np.uint8)
    write_array(tmp_path / "a.tif", array, pixel_size=PixelSize({"Y": 10.0, "X": 10.0}, "nm"))
    write_array(tmp_path / "b.tif", array[0, :40])
    found = inspect_source(open_source(tmp_path))
    values = np.concatenate([array.ravel(), array[0, :40].ravel()])
    assert (found.planes, found.pixels, found.dtypes) == (4, values.size, ["uint8"])
    assert [path.rpartition("/")[2] for path in found.files] == ["a.tif", "b.tif"]
    assert found.sizes == [(60, 80), (40, 80)]
    assert found.pixel_sizes == [PixelSize({"Y": 10.0, "X": 10.0}, "nm"), None]
    assert found.mean == pytest.approx(values.mean())
    assert found.std == pytest.approx(values.std())
    assert found.skew == pytest.approx(stats.skew(values))
    assert (found.minimum, found.maximum, found.levels) == (values.min(), values.max(), len(np.unique(values)))
    np.testing.assert_array_equal(found.histogram, np.histogram(values, 64, (0, 256))[0])
    assert (found.edges[0], found.edges[-1]) == (0, 256)
    assert found.complete
    assert len(found.digests) == 4
    assert len(found.histogram_text) == 32


def test_equal_planes_have_equal_digests_in_any_format(tmp_path, picture):
    write_array(tmp_path / "a.tif", picture((40, 50)))
    write_array(tmp_path / "b.png", picture((40, 50)))
    write_array(tmp_path / "c.zarr", picture((40, 50), seed=1))
    assert len(inspect_source(open_source(tmp_path)).digests) == 2


def test_constant_planes_are_named(tmp_path, picture):
    array = picture((3, 20, 30), "float32")
    array[1] = 5
    write_array(tmp_path / "a.tif", array)
    assert [name.rpartition("/")[2] for name in inspect_source(open_source(tmp_path)).constant] == ["a.tif[1]"]


def test_a_constant_source_is_described(picture):
    found = inspect_source(open_source(np.full((20, 30), 7, np.float32)))
    assert (found.mean, found.std, found.skew, found.statistics) == (7, 0, 0, None)
    assert sum(found.histogram) == 600


def test_a_source_too_large_to_read_whole_is_read_in_part(picture, monkeypatch):
    monkeypatch.setattr(inventory, "_MOST_BYTES", 4 * 600)
    found = inspect_source(open_source(picture((10, 20, 30))))
    assert not found.complete
    assert next(iter(found.digests.values())) == "array[0]"
    assert len(found.digests) == 4


def test_padding_and_pixels_that_are_not_finite_do_not_count(picture):
    array = np.pad(picture((2, 90, 100), "float32"), ((0, 0), (40, 0), (0, 60)))
    alone = inspect_source(open_source(picture((2, 90, 100), "float32")))
    array[0, :40] = np.nan
    found = inspect_source(open_source(array))
    assert (found.mean, found.std, found.minimum) == (alone.mean, alone.std, alone.minimum)
    assert found.constant == []


@pytest.mark.parametrize("value", [7, np.nan])
def test_a_blank_source_is_told(value):
    found = inspect_source(open_source(np.full((2, 40, 50), value, np.float32)))
    assert found.constant == ["array[0]", "array[1]"]
    assert found.statistics is None


def test_a_histogram_in_characters():
    assert bars([0, 1, 50, 100], width=4) == " ▁▄█"
    assert bars([0] * 64) == " " * 32
    assert len(bars(range(64))) == 32


def test_masked_planes_are_like_themselves_whatever_is_under_the_mask(picture):
    array = picture((2, 64, 64))
    mask = np.zeros(array.shape, bool)
    mask[:, :20, :30] = True
    found = [
        inspect_source(open_source(np.ma.MaskedArray(np.where(mask, under, array), mask))).thumbnails[64, 64]
        for under in (0, 255)
    ]
    for one, other in zip(*(list(seen.values()) for seen in found), strict=True):
        assert not np.ma.isMaskedArray(one)
        np.testing.assert_array_equal(one, other)


def test_an_image_masked_as_a_whole_is_described(picture):
    found = inspect_source(open_source(np.ma.MaskedArray(picture((32, 32)), True)))
    assert (found.constant, found.statistics) == (["array"], None)
