from __future__ import annotations

import numpy as np
import pytest
import zarr

from pellucid.errors import InputError
from pellucid.io.registry import open_image

from .copying import copy


def make(path, array, version="0.4", **description):
    """An OME-Zarr of one level in Zarr v2, or in v3 from 0.5 on."""
    multiscale = {"datasets": [{"path": "0"}], **description}
    attributes = {"ome": {"version": version, "multiscales": [multiscale]}}
    if version < "0.5":
        attributes = {"multiscales": [{"version": version, **multiscale}]}
    group = zarr.create_group(path, zarr_format=3 if version >= "0.5" else 2, attributes=attributes)
    group.create_array("0", data=array)
    return path


def axis(name, kind=None, unit=None):
    return {"name": name} | ({"type": kind} if kind else {}) | ({"unit": unit} if unit else {})


SPACE = [axis(name, "space", "nanometer") for name in "zyx"]


@pytest.mark.parametrize("version", ["0.1", "0.2"])
def test_early_versions_have_no_axes_because_they_are_always_the_same(tmp_path, picture, pixels, valid, version):
    array = picture((1, 2, 3, 20, 30), "uint16")
    image = open_image(make(tmp_path / "a.zarr", array, version))
    assert (image.axes, image.shape, image.pixel_size) == ("TCZYX", (1, 2, 3, 20, 30), None)
    np.testing.assert_array_equal(pixels(image), array)
    copy(tmp_path / "a.zarr", tmp_path / "b.zarr")
    assert [one.name for one in valid(tmp_path / "b.zarr", 2).axes] == list("tczyx")
    with pytest.raises(InputError, match=rf"c\.zarr: is OME-Zarr {version}, whose images have the five axes TCZYX"):
        open_image(make(tmp_path / "c.zarr", array[0, 0], version))


def test_a_multiscale_without_a_version_is_of_the_first(tmp_path, picture):
    group = zarr.create_group(
        tmp_path / "a.zarr", zarr_format=2, attributes={"multiscales": [{"datasets": [{"path": "0"}]}]}
    )
    group.create_array("0", data=picture((1, 2, 3, 20, 30)))
    assert open_image(tmp_path / "a.zarr").axes == "TCZYX"


@pytest.mark.parametrize("version", ["0.3", "0.4", "0.5"])
@pytest.mark.parametrize(
    ("axes", "letters"),
    [
        (["t", "c", "z", "y", "x"], "TCZYX"),
        (["y", "x", "c"], "YXC"),
        ([axis("time", "time"), axis("channel", "channel"), *SPACE], "TCZYX"),
        ([axis("frame", "time"), axis("stain", "channel"), axis("height", "space"), axis("width", "space")], "TCYX"),
        ([axis("Depth", "space"), axis("Height", "space"), axis("Width", "space")], "ZYX"),
        ([axis("angle", "angle"), *SPACE], "CZYX"),
        ([axis("t", "time"), axis("phase"), *SPACE[1:]], "TCYX"),
        (list(reversed(SPACE)), "XYZ"),
    ],
)
def test_axes_are_told_by_type_and_name_never_by_place(tmp_path, picture, pixels, version, axes, letters):
    array = picture([{"T": 2, "C": 3, "Z": 4, "Y": 20, "X": 30}[letter] for letter in letters])
    image = open_image(make(tmp_path / "a.zarr", array, version, axes=axes))
    assert image.axes == "".join(letter for letter in letters if letter not in "YX") + "YX"
    order = [letters.index(letter) for letter in image.axes]
    np.testing.assert_array_equal(pixels(image), array.transpose(order))


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ([axis("z", "time"), *SPACE[1:]], "axis 'z' of the type 'time'"),
        ([axis("time", "channel"), *SPACE[1:]], "axis 'time' of the type 'channel'"),
        ([axis("c", "space"), *SPACE[1:]], "axis 'c' of the type 'space'"),
        ([axis("i", "space"), *SPACE[1:]], "axis 'i' of the type 'space'"),
        ([axis("t", "time"), axis("frame", "time"), axis("x", "space")], "has the axes TTX"),
        ([{"type": "space"}, *SPACE[1:]], "does not name axes and levels"),
    ],
)
def test_axes_that_contradict_themselves_are_refused(tmp_path, picture, axes, said):
    with pytest.raises(InputError, match=rf"a\.zarr: .*{said}") as caught:
        open_image(make(tmp_path / "a.zarr", picture((3, 20, 30)), axes=axes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_names_types_and_units_of_axes_are_written_as_they_were(tmp_path, picture, valid, version):
    axes = [axis("frame", "time", "second"), axis("angle", "angle"), *(axis(name, "space", "um") for name in "zyx")]
    transforms = [{"type": "scale", "scale": [2.0, 1.0, 0.03, 0.004, 0.004]}]
    datasets = [{"path": "0", "coordinateTransformations": transforms}]
    make(tmp_path / "a.zarr", picture((2, 3, 4, 20, 30)), version, axes=axes, datasets=datasets)
    assert open_image(tmp_path / "a.zarr").pixel_size.unit == "µm"
    copy(tmp_path / "a.zarr", tmp_path / "b.zarr")
    made = valid(tmp_path / "b.zarr", 3 if version == "0.5" else 2)
    assert [one.model_dump(exclude_none=True) for one in made.axes] == axes
    assert list(made.datasets[0].coordinateTransformations[0].scale) == transforms[0]["scale"]
    if version == "0.5":
        names = zarr.open_array(tmp_path / "b.zarr/0", mode="r").metadata.dimension_names
        assert list(names) == ["frame", "angle", "z", "y", "x"]


@pytest.mark.parametrize(("names", "axes"), [(["time", "height", "width"], "TYX"), (["tile", "y", "x"], "ZYX")])
def test_an_array_names_its_axes_in_words(tmp_path, picture, names, axes):
    zarr.create_array(tmp_path / "a.zarr", data=picture((3, 20, 30)), dimension_names=names)
    assert open_image(tmp_path / "a.zarr").axes == axes
    attributes = {"_ARRAY_DIMENSIONS": names}
    zarr.create_array(tmp_path / "b.zarr", data=picture((3, 20, 30)), zarr_format=2, attributes=attributes)
    assert open_image(tmp_path / "b.zarr").axes == axes


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_axis_of_no_known_name_and_type_gets_no_type(tmp_path, picture, version):
    axes = [{"name": "angle"}, *(axis(name, "space") for name in "yx")]
    copy(make(tmp_path / "a.zarr", picture((3, 20, 30)), version, axes=axes), tmp_path / "b.zarr")
    told = dict(zarr.open_group(tmp_path / "b.zarr", mode="r").attrs)
    assert told.get("ome", told)["multiscales"][0]["axes"] == axes


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_units_without_a_scale_are_no_pixel_size(tmp_path, picture, version):
    axes = [axis("t", "time", "second"), axis("y", "space", "nanometer"), axis("x", "space", "nanometer")]
    make(tmp_path / "a.zarr", picture((3, 20, 30)), version, axes=axes, datasets=[{"path": "0"}])
    image = open_image(tmp_path / "a.zarr")
    assert image.pixel_size is None
    told = "units without a scale: Y nanometer, X nanometer"
    assert image.style.annotations == (told,)
    assert copy(tmp_path / "a.zarr", tmp_path / "b.zarr").notes == [f"not kept: {told}"]
    assert open_image(tmp_path / "b.zarr").pixel_size is None
