from __future__ import annotations

import numpy as np
import pytest
import zarr
from ome_zarr_models.v04.image import ImageAttrs as Attributes04
from ome_zarr_models.v05.image import Image as Image05

from pellucid.errors import InputError
from pellucid.images import PixelSize, create_image, open_image, write_array
from pellucid.images.formats.zarr import ZarrStyle
from pellucid.images.plan import Plan
from pellucid.images.writing import Writer


def valid(path, version):
    """The first multiscale of an OME-Zarr, checked by ome-zarr-models.

    For 0.4 its model of the attributes is used, for that of a whole group does not build with pydantic-zarr 0.9.
    What the latter would check beside is checked here.
    """
    group = zarr.open_group(path, mode="r")
    assert group.metadata.zarr_format == version
    if version == 3:
        return Image05.from_zarr(group).attributes.ome.multiscales[0]
    multiscale = Attributes04.model_validate(dict(group.attrs)).multiscales[0]
    assert multiscale.version == "0.4"
    for dataset in multiscale.datasets:
        array = group[dataset.path]
        assert array.ndim == len(multiscale.axes)
        assert array.metadata.zarr_format == 2
        assert array.metadata.dimension_separator == "/"
    return multiscale


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
def test_output_is_valid_ome_zarr_of_the_inputs_version(tmp_path, picture, pixels, version):
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
    level = zarr.open_group(tmp_path / "b.zarr", mode="r")["0"]
    assert level.chunks == (1, 16, 16)
    np.testing.assert_array_equal(level[:], array)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("axes", ["YX", "CYX", "TYX", "TZCYX", "TCZYX"])
def test_every_order_of_axes_becomes_a_valid_one(tmp_path, picture, version, axes):
    sizes = {"T": 2, "C": 3, "Z": 4, "Y": 20, "X": 30}
    array = picture([sizes[letter] for letter in axes])
    size = PixelSize({"Y": 0.01, "X": 0.01}, "µm")
    plan = Plan(str(tmp_path / "a.zarr"), axes, array.shape, array.dtype, size, ZarrStyle(version))
    with Writer(plan) as writer:
        for number, plane in enumerate(array.reshape(-1, 20, 30)):
            writer.write(number, plane)
    metadata = valid(tmp_path / "a.zarr", version)
    image = open_image(tmp_path / "a.zarr")
    assert image.axes == "".join(letter for letter in "TCZYX" if letter in axes)
    assert "".join(axis.name for axis in metadata.axes).upper() == image.axes
    order = [axes.index(letter) for letter in image.axes]
    stored = np.stack([plane.read() for plane in image.planes]).reshape(image.shape)
    np.testing.assert_array_equal(stored, array.transpose(order))


def test_new_output_is_version_0_5(tmp_path, picture):
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


def test_a_zarr_is_replaced_whole(tmp_path, picture, pixels):
    write_array(tmp_path / "a.zarr", picture((4, 20, 30)))
    write_array(tmp_path / "a.zarr", picture((2, 20, 30), seed=1), overwrite=True)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.zarr")), picture((2, 20, 30), seed=1))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_another_folder_is_never_replaced(tmp_path, picture):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="will not be replaced"):
        write_array(tmp_path / "a.zarr", picture((20, 30)), overwrite=True)
    assert (tmp_path / "a.zarr" / "thesis.txt").read_text() == "years of work"
