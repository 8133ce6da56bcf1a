from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import tensorstore

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image

ARRAY = np.random.default_rng(0).integers(0, 60000, (5, 40, 50)).astype(np.uint16)


def make(path, array=ARRAY, **attributes):
    """A data set as other programs write it: X first."""
    metadata = {
        "dimensions": array.shape[::-1],
        "blockSize": (16,) * array.ndim,
        "dataType": array.dtype.name,
        "compression": {"type": "gzip"},
    }
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path)}, "metadata": metadata}
    tensorstore.open(spec, create=True).result()[...] = array.T
    add(path, **attributes)


def add(path, **attributes):
    path.mkdir(parents=True, exist_ok=True)
    file = path / "attributes.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | attributes))


def test_a_data_set_is_read_with_depth_first(tmp_path, pixels):
    make(tmp_path / "a.n5")
    image = open_image(tmp_path / "a.n5")
    assert (image.axes, image.shape, image.dtype, image.chunks) == ("ZYX", (5, 40, 50), np.uint16, (5, 16, 16))
    assert image.pixel_size is None
    np.testing.assert_array_equal(pixels(image), ARRAY)
    np.testing.assert_array_equal(image.read_block((slice(1, 4),), slice(3, 35), slice(20, 50)), ARRAY[1:4, 3:35, 20:])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_pixel_type_is_read(tmp_path, pixels, dtype):
    make(tmp_path / "a.n5", (ARRAY % 100).astype(dtype))
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.n5")), (ARRAY % 100).astype(dtype))


def test_a_container_with_one_volume_is_that_volume_at_full_resolution(tmp_path):
    add(tmp_path / "a.n5", n5="2.0.0")
    make(tmp_path / "a.n5" / "em" / "raw" / "s0", downsamplingFactors=[1, 1, 1])
    make(tmp_path / "a.n5" / "em" / "raw" / "s1", ARRAY[:, ::2, ::2], downsamplingFactors=[2, 2, 1])
    for path in ("a.n5", "a.n5/em/raw", "a.n5/em/raw/s0"):
        image = open_image(tmp_path / path)
        assert image.shape == (5, 40, 50)
        assert image.style.levels == ({"Z": 1, "Y": 2, "X": 2},)
    assert open_image(tmp_path / "a.n5/em/raw/s1").shape == (5, 20, 25)
    make(tmp_path / "a.n5" / "labels")
    with pytest.raises(InputError, match=r"several: em/raw/s0, labels\. Name one, as in .*a\.n5/em/raw/s0"):
        open_image(tmp_path / "a.n5")


@pytest.mark.parametrize(
    ("attributes", "size", "shift"),
    [
        ({"pixelResolution": {"dimensions": [4.0, 4.0, 40.0], "unit": "nm"}}, (40.0, 4.0, 4.0), {}),
        ({"resolution": [4, 5, 40], "units": ["nm", "nm", "nm"]}, (40.0, 5.0, 4.0), {}),
        ({"resolution": [4, 4, 0.04], "units": ["nm", "nm", "um"], "axes": ["x", "y", "z"]}, (40.0, 4.0, 4.0), {}),
        ({"resolution": [4, 4, 40]}, None, {}),
        ({"resolution": [4, 4, 40], "units": ["px", "px", "px"]}, None, {}),
        (
            {"pixelResolution": {"dimensions": [4, 4, 40], "unit": "nm"}, "downsamplingFactors": [2, 2, 1]},
            (40.0, 8.0, 8.0),
            {"Y": 2.0, "X": 2.0},
        ),
        (
            {"transform": {"axes": ["z", "y", "x"], "scale": [40, 4, 4], "translate": [80, 0, 2], "units": ["nm"] * 3}},
            (40.0, 4.0, 4.0),
            {"Z": 80.0, "X": 2.0},
        ),
        (
            {"transform": {"ordering": "F", "axes": ["x", "y", "z"], "scale": [4, 4, 40], "units": ["nm"] * 3}},
            (40.0, 4.0, 4.0),
            {},
        ),
    ],
)
def test_pixel_sizes_and_places_as_programs_write_them(tmp_path, attributes, size, shift):
    make(tmp_path / "a.n5", **attributes)
    image = open_image(tmp_path / "a.n5")
    assert image.pixel_size == (PixelSize(dict(zip("ZYX", size, strict=True)), "nm") if size else None)
    assert image.style.translation == shift


def test_the_resolution_may_stand_with_the_group(tmp_path):
    make(tmp_path / "a.n5" / "raw" / "s0")
    add(tmp_path / "a.n5" / "raw", pixelResolution={"dimensions": [4.0, 4.0, 8.0], "unit": "nm"})
    assert open_image(tmp_path / "a.n5").pixel_size == PixelSize({"Z": 8.0, "Y": 4.0, "X": 4.0}, "nm")


BOTH = {"resolution": [4.0, 4.0, 30.0]}


@pytest.mark.parametrize(
    ("setup", "point", "unit"),
    [
        ({}, BOTH, None),
        ({}, BOTH | {"units": ["nm", "nm", "nm"]}, "nm"),
        ({}, BOTH | {"unit": "nanometer"}, "nm"),
        ({"units": ["um"] * 3}, BOTH, "µm"),
        ({"pixelResolution": {"dimensions": [4.0, 4.0, 30.0], "unit": "um"}}, {}, "µm"),
        ({"pixelResolution": [4.0, 4.0, 30.0], "unit": "um"}, {}, "µm"),
        ({}, BOTH | {"unit": "pixel"}, None),
    ],
)
def test_bigdataviewer_tells_a_pixel_size_where_it_tells_a_unit(tmp_path, setup, point, unit):
    path = tmp_path / "a.n5"
    add(path, n5="2.5.0")
    add(path / "setup0", downsamplingFactors=[[1, 1, 1], [2, 2, 1]], **setup)
    add(path / "setup0" / "timepoint0", **point)
    make(path / "setup0/timepoint0/s0")
    make(path / "setup0/timepoint0/s1", ARRAY[:, ::2, ::2])
    for given in (path, path / "setup0/timepoint0", path / "setup0/timepoint0/s0"):
        image = open_image(given)
        assert image.pixel_size == (PixelSize({"Z": 30.0, "Y": 4.0, "X": 4.0}, unit) if unit else None)
        assert image.style.scale == ({} if unit else {"Z": 30.0, "Y": 4.0, "X": 4.0})
        assert image.style.annotations == (() if unit else ("scale: Z 30, Y 4, X 4",))
        assert image.style.levels == ({"Z": 1, "Y": 2, "X": 2},)
    coarse = open_image(path / "setup0/timepoint0/s1")
    size = {"Z": 30.0, "Y": 8.0, "X": 8.0}
    assert (coarse.pixel_size.values if unit else coarse.style.scale) == size
    assert coarse.style.translation == {"Y": 2.0, "X": 2.0}


def test_axes_are_named_by_the_file(tmp_path):
    make(tmp_path / "a.n5", ARRAY[:, None], axes=["x", "y", "c", "z"])
    assert (open_image(tmp_path / "a.n5").axes, open_image(tmp_path / "a.n5").shape) == ("ZCYX", (5, 1, 40, 50))


def test_missing_blocks_are_zero_and_damaged_ones_are_named(tmp_path, pixels):
    make(tmp_path / "a.n5")
    (tmp_path / "a.n5/0/0/0").unlink()
    image = open_image(tmp_path / "a.n5")
    assert not pixels(image)[:, :16, :16].any()
    block = tmp_path / "a.n5/1/0/0"
    block.write_bytes(block.read_bytes()[:40])
    with pytest.raises(InputError, match=r"a\.n5\[0:5, 0:16, 16:32\]: cannot be read; it may be damaged") as caught:
        image.read_block((slice(0, 5),), slice(0, 16), slice(16, 32))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["{", "[]", '{"dimensions": [4, 4]}'])
def test_damaged_attributes_are_named(tmp_path, content):
    add(tmp_path / "a.n5")
    (tmp_path / "a.n5" / "attributes.json").write_text(content)
    with pytest.raises(InputError, match=r"a\.n5: "):
        open_image(tmp_path / "a.n5")


def test_a_container_without_a_data_set_is_refused(tmp_path):
    add(tmp_path / "a.n5", n5="2.0.0")
    with pytest.raises(InputError, match=r"a\.n5: needs one N5 data set, but the folder has none"):
        open_image(tmp_path / "a.n5")


def test_a_result_becomes_a_zarr_of_the_same_chunks_and_place(tmp_path, pixels):
    transform = {"axes": ["z", "y", "x"], "scale": [8, 4, 4], "translate": [80, 0, 0], "units": ["nm"] * 3}
    make(tmp_path / "a.n5", transform=transform)
    image = open_image(tmp_path / "a.n5")
    with create_image(tmp_path / "b.zarr", image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    made = open_image(tmp_path / "b.zarr")
    np.testing.assert_array_equal(pixels(made), ARRAY)
    assert (made.chunks, made.pixel_size, made.style.translation) == (image.chunks, image.pixel_size, {"Z": 80.0})
    with pytest.raises(InputError, match=r"b\.n5: N5 is only read; write \.zarr instead"):
        create_image(tmp_path / "b.n5", image)


def test_without_the_library_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    make(tmp_path / "a.n5")
    monkeypatch.setitem(sys.modules, "tensorstore", None)
    with pytest.raises(InputError, match=r"a\.n5: .* pip install 'pellucid\[volumes\]'"):
        open_source(tmp_path / "a.n5")
