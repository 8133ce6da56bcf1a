from __future__ import annotations

import json

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.formats.zarr_metadata import ZarrStyle
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import contents, open_image
from pellucid.io.writing import Writer, create_image, write_array


def make(path, array, version, axes="zyx", levels=("0",), **extra):
    """An OME-Zarr made with the zarr library alone."""
    units = [{"name": a, "type": "space", "unit": "nanometer"} for a in axes]
    scale = [{"type": "scale", "scale": [8.0 if a == "z" else 4.0 for a in axes]}]
    shift = [{"type": "translation", "translation": [100.0 if a == "x" else 0.0 for a in axes]}]
    datasets = [{"path": name, "coordinateTransformations": scale + shift} for name in levels]
    description = {"axes": units, "datasets": datasets, **extra}
    attributes = {"multiscales": [{"version": "0.4", **description}]}
    if version == 3:
        attributes = {"ome": {"version": "0.5", "multiscales": [description]}}
    group = zarr.create_group(path, zarr_format=version, attributes=attributes)
    for number, name in enumerate(levels):
        step = 2**number
        chunks = (1,) * (array.ndim - 2) + (16, 16)
        group.create_array(name, data=np.ascontiguousarray(array[..., ::step, ::step]), chunks=chunks)


def copy(source, target):
    image = open_image(source)
    with create_image(target, image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())


@pytest.mark.parametrize("version", [2, 3])
def test_output_is_valid_ome_zarr_of_the_inputs_version(tmp_path, picture, pixels, valid, version):
    array = picture((3, 40, 50), "uint16")
    make(tmp_path / "a.zarr", array, version, levels=("s0", "s1"))
    image = open_image(tmp_path / "a.zarr")
    np.testing.assert_array_equal(pixels(image), array)
    assert image.axes == "ZYX"
    assert image.pixel_size == PixelSize({"Z": 8.0, "Y": 4.0, "X": 4.0}, "nm")

    copy(tmp_path / "a.zarr", tmp_path / "b.zarr")
    metadata = valid(tmp_path / "b.zarr", version)
    assert [(axis.name, axis.type, axis.unit) for axis in metadata.axes] == [(a, "space", "nanometer") for a in "zyx"]
    scale, shift = metadata.datasets[0].coordinateTransformations
    assert list(scale.scale) == [8.0, 4.0, 4.0]
    assert list(shift.translation) == [0.0, 0.0, 100.0]
    level = zarr.open_group(tmp_path / "b.zarr", mode="r")["s0"]
    assert level.chunks == (1, 16, 16)
    np.testing.assert_array_equal(level[:], array)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("axes", ["YX", "CYX", "TYX", "TZCYX", "TCZYX"])
def test_every_order_of_axes_becomes_a_valid_one(tmp_path, picture, valid, version, axes):
    sizes = {"T": 2, "C": 3, "Z": 4, "Y": 20, "X": 30}
    array = picture([sizes[letter] for letter in axes])
    size = PixelSize({"Y": 0.01, "X": 0.01}, "µm")
    spec = OutputSpec(str(tmp_path / "a.zarr"), axes, array.shape, array.dtype, size, ZarrStyle(version))
    with Writer(spec) as writer:
        for number, plane in enumerate(array.reshape(-1, 20, 30)):
            writer.write(number, plane)
    metadata = valid(tmp_path / "a.zarr", version)
    image = open_image(tmp_path / "a.zarr")
    assert image.axes == "".join(letter for letter in "TCZYX" if letter in axes)
    assert "".join(axis.name for axis in metadata.axes).upper() == image.axes
    order = [axes.index(letter) for letter in image.axes]
    stored = np.stack([plane.read() for plane in image.planes]).reshape(image.shape)
    np.testing.assert_array_equal(stored, array.transpose(order))


def test_new_output_is_version_0_5(tmp_path, picture, valid):
    write_array(tmp_path / "a.ome.zarr", picture((20, 30)))
    assert valid(tmp_path / "a.ome.zarr", 3).name == "a"


def test_scales_of_level_and_image_multiply(tmp_path, picture):
    both = [{"type": "scale", "scale": [1.0, 0.5, 0.5]}]
    make(tmp_path / "a.zarr", picture((2, 20, 20)), 3, coordinateTransformations=both)
    assert open_image(tmp_path / "a.zarr").pixel_size == PixelSize({"Z": 8.0, "Y": 2.0, "X": 2.0}, "nm")


def test_units_of_two_kinds_come_to_that_of_x(tmp_path, picture):
    make(tmp_path / "a.zarr", picture((2, 20, 20)), 3)
    group = zarr.open_group(tmp_path / "a.zarr")
    ome = dict(group.attrs["ome"])
    ome["multiscales"][0]["axes"][0]["unit"] = "micrometer"
    group.attrs["ome"] = ome
    assert open_image(tmp_path / "a.zarr").pixel_size == PixelSize({"Z": 8000.0, "Y": 4.0, "X": 4.0}, "nm")


def test_without_units_the_pixel_size_is_unknown(tmp_path, picture):
    write_array(tmp_path / "a.zarr", picture((2, 20, 20)))
    assert open_image(tmp_path / "a.zarr").pixel_size is None


@pytest.mark.parametrize("version", [2, 3])
def test_a_plain_array_is_an_image(tmp_path, picture, pixels, version):
    array = picture((3, 20, 30))
    zarr.create_array(tmp_path / "a.zarr", data=array, zarr_format=version)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.zarr")), array)


def test_dimension_names_are_axes(tmp_path, picture, pixels):
    array = picture((30, 20, 4))
    zarr.create_array(tmp_path / "a.zarr", data=array, dimension_names=["x", "y", "z"])
    image = open_image(tmp_path / "a.zarr")
    assert (image.axes, image.shape) == ("ZYX", (4, 20, 30))
    np.testing.assert_array_equal(pixels(image), array.T)
    np.testing.assert_array_equal(image.planes[3][2:5, 6:9], array.T[3, 2:5, 6:9])


def test_a_zarr_folder_needs_no_extension(tmp_path, picture):
    zarr.create_array(tmp_path / "volume", data=picture((3, 20, 30)))
    assert open_image(tmp_path / "volume").shape == (3, 20, 30)


def test_a_collection_with_one_image_is_that_image(tmp_path, picture, pixels):
    zarr.create_group(tmp_path / "a.zarr", zarr_format=2, attributes={"bioformats2raw.layout": 3})
    make(tmp_path / "a.zarr" / "0", picture((2, 20, 20)), 2)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.zarr")), picture((2, 20, 20)))
    make(tmp_path / "a.zarr" / "1", picture((2, 20, 20)), 2)
    with pytest.raises(InputError, match=r"2 images.*a\.zarr/0"):
        open_image(tmp_path / "a.zarr")


def test_a_group_of_several_arrays_lists_them(tmp_path, picture):
    group = zarr.create_group(tmp_path / "a.zarr")
    group.create_array("raw", data=picture((20, 30)))
    assert open_image(tmp_path / "a.zarr").shape == (20, 30)
    group.create_array("labels", data=picture((20, 30)))
    with pytest.raises(InputError, match=r"several: labels, raw.*a\.zarr/labels"):
        open_image(tmp_path / "a.zarr")
    assert open_image(tmp_path / "a.zarr" / "raw").shape == (20, 30)


def test_positions_along_axes_are_no_images(tmp_path, picture, pixels):
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=2, attributes={"dose": 3})
    attributes = {"_ARRAY_DIMENSIONS": ["z", "y", "x"], "gain": 7}
    group.create_array("image", data=picture((3, 20, 30)), attributes=attributes)
    for name, size in (("z", 3), ("y", 20), ("x", 30)):
        group.create_array(name, data=np.arange(size))
    image = open_image(tmp_path / "a.zarr")
    np.testing.assert_array_equal(pixels(image), picture((3, 20, 30)))
    assert image.style.annotations == ("attributes: dose, gain", "array x", "array y", "array z")
    copy(tmp_path / "a.zarr", tmp_path / "b.zarr")
    made = zarr.open_group(tmp_path / "b.zarr", mode="r")
    assert (made.attrs["dose"], dict(made["0"].attrs)) == (3, attributes)
    np.testing.assert_array_equal(made["x"][:], np.arange(30))


def test_a_scale_of_zero_says_nothing(tmp_path, picture):
    make(
        tmp_path / "a.zarr", picture((2, 20, 20)), 2, coordinateTransformations=[{"type": "scale", "scale": [0.0] * 3}]
    )
    assert open_image(tmp_path / "a.zarr").pixel_size is None


def test_a_zarr_is_replaced_whole(tmp_path, picture, pixels):
    write_array(tmp_path / "a.zarr", picture((4, 20, 30)))
    write_array(tmp_path / "a.zarr", picture((2, 20, 30), seed=1), overwrite=True)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.zarr")), picture((2, 20, 30), seed=1))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_another_folder_is_never_replaced(tmp_path, picture):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="which a file never replaces"):
        write_array(tmp_path / "a.zarr", picture((20, 30)), overwrite=True)
    assert (tmp_path / "a.zarr" / "thesis.txt").read_text() == "years of work"


def whole(path):
    """All pixels of an image, as one block."""
    image = open_image(path)
    return image.read_block(tuple(slice(0, size) for size in image.shape[:-2]), *map(slice, (0, 0), image.shape[-2:]))


@pytest.mark.parametrize("shards", [None, (4, 32, 32)])
def test_a_block_is_read_across_chunks_and_shards(tmp_path, picture, shards):
    array = picture((5, 50, 70), "uint16")
    zarr.create_array(tmp_path / "a.zarr", data=array, chunks=(2, 16, 16), shards=shards)
    image = open_image(tmp_path / "a.zarr")
    assert image.chunks == (2, 16, 16)
    np.testing.assert_array_equal(image.read_block((slice(1, 5),), slice(10, 40), slice(3, 70)), array[1:5, 10:40, 3:])


@pytest.mark.parametrize(("version", "shards", "files"), [(2, None, 24), (3, None, 24), (3, (4, 32, 32), 4)])
def test_missing_chunks_are_counted_and_read_as_the_fill_value(tmp_path, picture, version, shards, files):
    path, array = tmp_path / "a.zarr", picture((4, 40, 50)) + 1
    zarr.create_array(path, data=array, chunks=(2, 16, 16), shards=shards, zarr_format=version, fill_value=7)
    assert open_image(path).missing_chunks() == (0, files)
    first = path / {2: "0.0.0", 3: "c/0/0/0"}[version]
    first.unlink()
    first.with_suffix(".1a2b.partial").write_bytes(b"left by a writer that was killed")
    assert open_image(path).missing_chunks() == (1, files)
    found = whole(path)
    np.testing.assert_array_equal(found[:2, :16, :16], np.full((2, 16, 16), 7))
    np.testing.assert_array_equal(found[-1, -1], array[-1, -1])


def test_a_shard_without_bytes_counts_as_missing(tmp_path, picture):
    zarr.create_array(tmp_path / "a.zarr", data=picture((4, 40, 50)), chunks=(2, 16, 16), shards=(4, 32, 32))
    (tmp_path / "a.zarr/c/0/1/1").write_bytes(b"")
    assert open_image(tmp_path / "a.zarr").missing_chunks() == (1, 4)


@pytest.mark.parametrize(("version", "shards"), [(2, None), (3, None), (3, (4, 32, 32))])
@pytest.mark.parametrize("damage", ["truncated", "garbage"])
def test_a_damaged_chunk_is_named_with_its_place(tmp_path, picture, version, shards, damage):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=picture((4, 40, 50)), chunks=(2, 16, 16), shards=shards, zarr_format=version)
    chunk = path / ("1.1.1" if version == 2 else "c/0/1/1" if shards else "c/1/1/1")
    content = chunk.read_bytes()
    chunk.write_bytes(content[: len(content) // 2] if damage == "truncated" else bytes(range(256)) * 2)
    image = open_image(path)
    image.read_block((slice(0, 2),), slice(0, 16), slice(0, 16))
    with pytest.raises(InputError, match=r"a\.zarr\[2:4, 20:40, 30:50\]: cannot be read; it may be damaged") as caught:
        image.read_block((slice(2, 4),), slice(20, 40), slice(30, 50))
    assert "\n" not in str(caught.value)


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_codec_that_nobody_knows_is_named(tmp_path, picture):
    for version, changes in (
        (2, {"compressor": {"id": "sorcery"}}),
        (3, {"codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "sorcery"}]}),
    ):
        path = tmp_path / f"{version}.zarr"
        zarr.create_array(path, data=picture((40, 50)), zarr_format=version)
        edit(path / {2: ".zarray", 3: "zarr.json"}[version], **changes)
        with pytest.raises(InputError, match=rf"{version}\.zarr: is compressed by a codec that is not .*sorcery"):
            open_image(path)


def test_a_codec_that_is_not_the_one_that_was_used_is_damage(tmp_path, picture):
    zarr.create_array(tmp_path / "a.zarr", data=picture((40, 50)), zarr_format=2)
    edit(tmp_path / "a.zarr/.zarray", compressor={"id": "zlib", "level": 1})
    with pytest.raises(InputError, match=r"a\.zarr\[0:40, 0:50\]: cannot be read"):
        whole(tmp_path / "a.zarr")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"zarr_format": 9}'])
def test_damaged_metadata_is_named(tmp_path, picture, version, content):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=picture((40, 50)), zarr_format=version)
    (path / {2: ".zarray", 3: "zarr.json"}[version]).write_text(content)
    with pytest.raises(InputError, match=r"a\.zarr: ") as caught:
        open_image(path)
    assert "\n" not in str(caught.value)


def test_a_group_without_arrays_tells_what_it_has(tmp_path, picture):
    group = zarr.create_group(tmp_path / "a.zarr")
    with pytest.raises(InputError, match=r"a\.zarr: needs one array with an image, but the group has none; give"):
        open_image(tmp_path / "a.zarr")
    group.create_group("A/1")
    group.create_group("B")
    (tmp_path / "a.zarr" / "notes").mkdir()
    make(tmp_path / "a.zarr" / "A" / "1" / "0", picture((2, 20, 20)), 3)
    with pytest.raises(InputError, match=r"none, but groups: A, B\. Name the one .*as in .*a\.zarr/A/1/0"):
        open_image(tmp_path / "a.zarr")
    np.testing.assert_array_equal(whole(tmp_path / "a.zarr/A/1/0"), picture((2, 20, 20)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"datasets": [{"path": "9"}]}, "level 9 is not an array; the OME-Zarr is incomplete"),
        ({"datasets": []}, "'multiscales' does not name axes and levels"),
        ({"datasets": [{}]}, "'multiscales' does not name axes and levels"),
        ({"axes": None}, "'multiscales' does not name axes and levels"),
        ({"axes": ["y", "x"]}, "has 3 dimensions, but the axes y, x;"),
        ({"axes": ["x", "x", "y"]}, "but an image has Y, X"),
        ({"coordinateTransformations": [{"type": "scale", "scale": [4.0, 4.0]}]}, "'scale' that is not a list of 3"),
        ({"coordinateTransformations": [{"type": "scale", "path": "s"}]}, "'scale' that is not a list of 3 numbers"),
        ({"coordinateTransformations": [{"type": "scale", "scale": [1e400, 4.0, 4.0]}]}, "that is not a list of 3"),
        ({"coordinateTransformations": [{"type": "scale", "scale": ["4", 4.0, 4.0]}]}, "that is not a list of 3"),
        (
            {"coordinateTransformations": [{"type": "affine", "affine": [[1]]}]},
            "transformation 'affine' that is not a list",
        ),
    ],
)
def test_a_description_that_does_not_fit_is_said_in_one_line(tmp_path, picture, changes, said):
    make(tmp_path / "a.zarr", picture((2, 20, 20)), 2)
    group = zarr.open_group(tmp_path / "a.zarr")
    group.attrs["multiscales"] = [{**group.attrs["multiscales"][0], **changes}]
    with pytest.raises(InputError, match=rf"a\.zarr: .*{said}"):
        open_image(tmp_path / "a.zarr")


@pytest.mark.parametrize("shape", [(1, 20, 30), (1, 1, 1, 17, 16), (1, 2, 1, 37, 41), (5, 1, 3, 16, 99)])
def test_thin_and_odd_shapes_are_read_and_written(tmp_path, picture, shape):
    array = picture(shape, "uint16")
    zarr.create_array(tmp_path / "a.zarr", data=array, chunks=tuple(min(size, 15) for size in shape))
    (image,) = open_source(tmp_path / "a.zarr").images
    assert image.shape == shape
    copy(tmp_path / "a.zarr", tmp_path / "b.zarr")
    np.testing.assert_array_equal(whole(tmp_path / "b.zarr"), array)


@pytest.mark.parametrize("shape", [(20, 1, 30), (20, 30, 1), (2, 15, 30)])
def test_planes_that_are_lines_are_refused(tmp_path, picture, shape):
    zarr.create_array(tmp_path / "a.zarr", data=picture(shape))
    with pytest.raises(InputError, match="at least 16×16 are needed"):
        open_source(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("array", "said"),
    [(np.ones((20, 20), "S4"), "uint16 or float32"), (np.ones((0, 20, 20), "uint8"), "is empty")],
)
@pytest.mark.filterwarnings("ignore:The data type")
def test_an_array_that_is_no_image_is_refused(tmp_path, array, said):
    zarr.create_array(tmp_path / "a.zarr", data=array)
    with pytest.raises(InputError, match=said):
        open_image(tmp_path / "a.zarr")


KEYS = st.sampled_from(["multiscales", "ome", "axes", "datasets", "path", "name", "type", "scale", "omero", "labels"])
JUNK = st.one_of(st.none(), st.integers(-1, 9), st.sampled_from(["", "0", "x", "scale"]), st.just([]), st.just({}))
NESTED = st.recursive(JUNK, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(replaced=KEYS, junk=NESTED, version=st.sampled_from([2, 3]), level=st.integers(0, 3))
def test_whatever_the_metadata_says_there_is_an_image_or_one_line(tmp_path, replaced, junk, version, level):
    axes = [{"name": name, "type": "space"} for name in "yx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [4.0, 4.0]}]}]
    described = {"name": "a", "axes": axes, "datasets": datasets, "coordinateTransformations": []}
    told = {"multiscales": [described], "omero": {"channels": [{}]}}
    part = [told, described, datasets[0], datasets[0]["coordinateTransformations"][0]][level]
    part[replaced] = junk
    attributes = told if version == 2 else {"ome": told}
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=version, attributes=attributes, overwrite=True)
    group.create_array("0", data=np.ones((20, 30), "uint8"))
    try:
        image = open_image(tmp_path / "a.zarr")
        assert image.shape == (20, 30)
        assert isinstance(image.style.annotations, tuple)
        copy(tmp_path / "a.zarr", tmp_path / f"{len(list(tmp_path.iterdir()))}.zarr")
        contents(tmp_path / "a.zarr")
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 (both are right)
