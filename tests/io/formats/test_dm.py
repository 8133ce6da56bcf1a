from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import InputError
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import contents, open_image, writable_format
from pellucid.io.writing import Writer, create_image, write_array

TYPES = {"uint8": (6, 10), "int8": (9, 9), "uint16": (10, 4), "int16": (1, 2), "uint32": (11, 5), "int32": (7, 3)}
TYPES |= {"float32": (2, 6), "float64": (12, 7)}
"""DigitalMicrograph's number of a pixel type, and the type of the array in which it is stored."""
VERSIONS = pytest.mark.parametrize("version", [3, 4])


def encode(version, tags, order="<"):
    """The bytes of a file: dicts are groups, lists groups without names, numpy's numbers and arrays values."""
    count = ">I" if version == 3 else ">Q"
    codes = {np.dtype(name): code for name, (_, code) in TYPES.items()}

    def group(node):
        named = isinstance(node, dict)
        items = node.items() if named else [("", item) for item in node]
        body = b"".join(entry(name, item) for name, item in items)
        return bytes([named, 0]) + struct.pack(count, len(node)) + body

    def entry(name, node):
        body = group(node) if isinstance(node, dict | list) else value(node)
        length = struct.pack(count, len(body)) if version == 4 else b""
        kind = 20 if isinstance(node, dict | list) else 21
        return struct.pack(">BH", kind, len(name)) + name.encode("latin-1") + length + body

    def value(node):
        if isinstance(node, str):
            node = np.frombuffer(node.encode("utf-16-le"), "<u2")
        if isinstance(node, tuple):  # a structure of float32
            kind, content = (15, 0, len(node), *(0, 6) * len(node)), np.array(node, f"{order}f4").tobytes()
        elif isinstance(node, bytes):
            kind, content = (18, len(node)), node
        else:
            array = np.asarray(node)
            code = codes[array.dtype]
            kind = (code,) if array.ndim == 0 else (20, code, array.size)
            content = array.astype(array.dtype.newbyteorder(order)).tobytes()
        return b"%%%%" + b"".join(struct.pack(count, number) for number in (len(kind), *kind)) + content

    body = group(tags)
    return struct.pack(f">I{count[1]}I", version, len(body), order == "<") + body + bytes(8)


def dimension(scale, units, origin=0.0):
    return {"Origin": np.float32(origin), "Scale": np.float32(scale), "Units": units}


def described(array, dimensions, **more):
    """An entry of ImageList; ``dimensions`` are in the order X, Y, Z."""
    return {
        "ImageData": {
            "Calibrations": {"Brightness": dimension(1, "e-"), "Dimension": list(dimensions)},
            "Data": array.ravel(),
            "DataType": np.uint32(TYPES[array.dtype.name][0]),
            "Dimensions": [np.uint32(side) for side in reversed(array.shape)],
            "PixelDepth": np.uint32(array.itemsize),
        },
        "ImageTags": {"Acquisition": {"Frame": (0.0, 0.0, 1.0, 1.0), "Note": b"\0\1"}, "Microscope Info": {}, **more},
        "Name": "HAADF",
    }


def document(source, *drawn):
    """What is shown of the image with this number, and what is drawn on it beside a scale bar."""
    drawn = [{"AnnotationType": np.int32(31)}, *drawn]
    rectangle = (0.0, 0.0, 20.0, 30.0)
    return {
        "AnnotationGroupList": drawn,
        "AnnotationType": np.int32(20),
        "ImageSource": np.uint32(source),
        "Rectangle": rectangle,
    }


def file_tags(*images):
    """A whole file, with a thumbnail before the images as DigitalMicrograph writes them."""
    thumbnail = {
        "ImageData": {
            "Data": np.arange(64, dtype="int32"),
            "DataType": np.uint32(23),
            "Dimensions": [np.uint32(8), np.uint32(8)],
            "PixelDepth": np.uint32(4),
        }
    }
    grain = {"AnnotationType": np.int32(13), "Text": "a grain"}
    return {
        "DocumentObjectList": [document(0, grain), *(document(number) for number in range(1, len(images)))],
        "ImageList": [thumbnail, *images],
        "ImageSourceList": [{"ImageRef": np.int32(number + 1)} for number in range(len(images))],
        "Thumbnails": [{"ImageIndex": np.int32(0)}],
        "long": np.arange(9000, dtype="uint16"),
    }


NM = (dimension(1.25, "nm", 3), dimension(2.5, "nm", 7))


def written(path, version, *images, order="<"):
    path.write_bytes(encode(version, file_tags(*images), order))
    return path


def copied(image, path, dtype=None, history="", overwrite=False):
    spec = OutputSpec(
        str(path),
        image.axes,
        image.shape,
        np.dtype(dtype or image.dtype),
        image.pixel_size,
        image.style,
        history=history,
    )
    with Writer(spec, overwrite=overwrite) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    return writer


@VERSIONS
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", TYPES)
def test_the_image_is_read_and_not_the_thumbnail(tmp_path, picture, pixels, version, order, dtype):
    array = picture((20, 30), dtype)
    path = written(tmp_path / "a.DM3", version, described(array, NM), order=order)
    image = open_image(path)
    np.testing.assert_array_equal(pixels(image), array)
    assert (image.axes, image.dtype) == ("YX", dtype)
    assert image.pixel_size == PixelSize({"Y": 2.5, "X": 1.25}, "nm")
    if order == "<":
        assert isinstance(image.planes[0].read(), np.memmap)


@VERSIONS
@pytest.mark.parametrize(
    ("third", "axes", "size"),
    [("µm", "ZYX", {"Z": 2000.0, "Y": 2.5, "X": 1.25}), ("s", "TYX", {"Y": 2.5, "X": 1.25}), ("", "ZYX", None)],
)
def test_a_stack_is_along_z_or_time(tmp_path, picture, pixels, version, third, axes, size):
    array = picture((3, 20, 30), "int16")
    image = open_image(written(tmp_path / "a.dm4", version, described(array, (*NM, dimension(2, third)))))
    np.testing.assert_array_equal(pixels(image), array)
    assert image.axes == axes
    assert image.pixel_size == PixelSize(size or {"Y": 2.5, "X": 1.25}, "nm")


@pytest.mark.parametrize("unit", ["", "1/nm", "pixels"])
def test_what_is_no_length_is_no_pixel_size(tmp_path, picture, unit):
    axes = [dimension(0.5, unit)] * 2
    image = open_image(written(tmp_path / "a.dm3", 3, described(picture((20, 30)), axes)))
    assert image.pixel_size is None
    assert (f"calibration in {unit}" in image.style.annotations) == bool(unit)


@pytest.mark.parametrize("source", [3, 4])
@pytest.mark.parametrize("target", [3, 4])
def test_a_copy_is_the_same_file_in_either_version(tmp_path, picture, source, target):
    array = picture((3, 20, 30), "uint16")
    tags = described(array, (*NM, dimension(4, "nm")))
    copied(open_image(written(tmp_path / f"a.dm{source}", source, tags)), tmp_path / f"b.dm{target}")
    assert (tmp_path / f"b.dm{target}").read_bytes() == encode(target, file_tags(tags))


@VERSIONS
def test_another_pixel_type_and_the_history_are_the_only_changes(tmp_path, picture, version):
    array = picture((20, 30), "uint16")
    image = open_image(written(tmp_path / f"a.dm{version}", version, described(array, NM)))
    copied(image, tmp_path / f"b.dm{version}", "float32", history="denoised: µ")
    expected = described(array.astype("float32"), NM, Pellucid={"History": "denoised: µ"})
    assert (tmp_path / f"b.dm{version}").read_bytes() == encode(version, file_tags(expected))
    copied(open_image(tmp_path / f"b.dm{version}"), tmp_path / f"c.dm{version}", history="again")
    expected = described(array.astype("float32"), NM, Pellucid={"History": "denoised: µ\nagain"})
    assert (tmp_path / f"c.dm{version}").read_bytes() == encode(version, file_tags(expected))


@VERSIONS
def test_a_region_lies_where_it_was_and_loses_what_is_drawn(tmp_path, picture, pixels, version):
    array = picture((20, 30), "uint16")
    image = open_image(written(tmp_path / f"a.dm{version}", version, described(array, NM)))
    spec = OutputSpec(
        str(tmp_path / f"b.dm{version}"), "YX", (8, 10), image.dtype, image.pixel_size, image.style, offset={"X": 5}
    )
    with Writer(spec) as writer:
        writer.write(0, array[:8, 5:15])
    assert writer.notes == ["not kept: 1 annotation, drawn on the whole image"]
    expected = file_tags(described(array[:8, 5:15], (dimension(1.25, "nm", -2), NM[1])))
    expected["DocumentObjectList"] = [{"AnnotationType": np.int32(20), "ImageSource": np.uint32(0)}]
    assert (tmp_path / f"b.dm{version}").read_bytes() == encode(version, expected)


def test_another_pixel_size_replaces_that_of_the_file(tmp_path, picture):
    image = open_image(written(tmp_path / "a.dm3", 3, described(picture((20, 30)), ())))
    assert image.pixel_size is None
    image.pixel_size = PixelSize({"Y": 5.0, "X": 4.0}, "nm")
    copied(image, tmp_path / "b.dm3")
    assert open_image(tmp_path / "b.dm3").pixel_size == image.pixel_size


def test_other_formats_say_what_they_do_not_keep(tmp_path, picture):
    image = open_image(written(tmp_path / "a.dm3", 3, described(picture((20, 30)), NM, DataBar={}, Session={})))
    assert copied(image, tmp_path / "b.png").notes == [
        "not kept by PNG: image tags (Acquisition, Microscope Info, DataBar and 1 more), origin, brightness in e-, "
        "1 annotation"
    ]
    assert copied(image, tmp_path / "b.dm4").notes == []


def test_of_several_images_one_is_named(tmp_path, picture, pixels):
    first, second = picture((20, 30), seed=1), picture((25, 30), "float32", seed=2)
    path = written(tmp_path / "a.dm4", 4, described(first, NM), described(second, NM))
    with pytest.raises(InputError, match=r"a\.dm4: has 2 images \(HAADF, 20 × 30 pixels; .*name one, as in .*a\.dm4:0"):
        open_image(path)
    assert contents(path) == [f"{path}:0: HAADF, 20 × 30 pixels", f"{path}:1: HAADF, 25 × 30 pixels"]
    image = open_image(f"{path}:1")
    np.testing.assert_array_equal(pixels(image), second)
    assert image.path == f"{path}:1"
    assert copied(image, tmp_path / "b.dm4").notes == ["1 other image of the file: kept, but not shown"]
    expected = file_tags(described(first, NM), described(second, NM))
    expected["DocumentObjectList"] = [document(1)]
    assert (tmp_path / "b.dm4").read_bytes() == encode(4, expected)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "b.dm4")), second)
    with pytest.raises(InputError, match="has no image 2; it has 2"):
        open_image(f"{path}:2")
    with pytest.raises(InputError, match="leave out :1"):
        create_image(tmp_path / "c.dm4:1", image)


def test_an_image_that_is_not_shown_itself_is_kept(tmp_path, picture, pixels):
    """A graph on an image has its curves in ImageList too."""
    tags = file_tags(described(picture((20, 30)), NM), described(picture((90,)), NM[:1]))
    tags["DocumentObjectList"] = tags["DocumentObjectList"][:1]
    (tmp_path / "a.dm3").write_bytes(encode(3, tags))
    image = open_image(tmp_path / "a.dm3")
    np.testing.assert_array_equal(pixels(image), picture((20, 30)))
    assert "1 other image" in image.style.annotations
    assert copied(image, tmp_path / "b.dm3").notes == []
    assert (tmp_path / "b.dm3").read_bytes() == encode(3, tags)


@pytest.mark.parametrize("missing", [("DocumentObjectList",), ("DocumentObjectList", "ImageSourceList")])
def test_what_does_not_tell_what_is_shown_is_copied_too(tmp_path, picture, pixels, missing):
    first, second = picture((20, 30), seed=1), picture((25, 30), seed=2)
    tags = file_tags(described(first, NM), described(second, NM))
    for name in missing:
        del tags[name]
    (tmp_path / "a.dm3").write_bytes(encode(3, tags))
    with pytest.raises(InputError, match="has 2 images"):
        open_image(tmp_path / "a.dm3")
    copied(open_image(f"{tmp_path}/a.dm3:1"), tmp_path / "b.dm3")
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "b.dm3")), second)


def changed(array, dimensions=NM, meaning=None, **data):
    image = described(array, dimensions, **({"Meta Data": {"Format": meaning}} if meaning else {}))
    image["ImageData"].update(data)
    return image


SMALL = np.ones((20, 30), "float32")
STACK = np.ones((4, 20, 30), "float32")


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (changed(SMALL[0], NM[:1]), r"is a spectrum \(shape \(30,\)\), not an image"),
        (changed(SMALL, meaning="Spectrum"), "is a spectrum"),
        (changed(SMALL, meaning="Spectrum image"), "is a spectrum image"),
        (changed(STACK, (*NM, dimension(0.5, "eV"))), "is a spectrum image"),
        (changed(STACK, (dimension(0.5, "keV"), *NM)), "is a spectrum image"),
        (changed(STACK[None], (*NM, *NM)), "has 4 dimensions"),
        (changed(SMALL, DataType=np.uint32(3)), "complex pixels"),
        (changed(SMALL, DataType=np.uint32(5)), "complex pixels"),
        (changed(SMALL, DataType=np.uint32(13)), "complex pixels"),
        (changed(SMALL, DataType=np.uint32(23)), "pixels in colour"),
        (changed(SMALL, DataType=np.uint32(14)), "binary pixels, a mask"),
        (changed(SMALL, DataType=np.uint32(39)), "pixel type 39: convert it to Real 4"),
        (changed(SMALL, DataType="float"), "pixel type 0: convert it to Real 4"),
        (changed(SMALL, DataType=np.uint32(12)), r"does not have the pixels of a \(20, 30\) float64 image"),
        (changed(SMALL, Data={}), r"does not have the pixels"),
        (changed(SMALL, Dimensions=[]), r"has 0 dimensions"),
        (changed(SMALL, Dimensions=[np.uint32(0), np.uint32(0)]), r"does not have the pixels"),
    ],
)
def test_what_is_no_grey_image_is_refused_in_one_line(tmp_path, image, said):
    path = written(tmp_path / "a.dm3", 3, image)
    with pytest.raises(InputError, match=rf"a\.dm3: .*{said}") as caught:
        open_image(path)
    assert "\n" not in str(caught.value)


def test_a_file_without_an_image_is_refused(tmp_path):
    (tmp_path / "a.dm3").write_bytes(encode(3, {"ImageList": []}))
    with pytest.raises(InputError, match=r"a\.dm3: has no image in it"):
        open_image(tmp_path / "a.dm3")


@VERSIONS
@pytest.mark.parametrize("kept", [0.001, 0.02, 0.5, 0.95])
def test_a_file_that_is_cut_off_is_named(tmp_path, picture, version, kept):
    path = written(tmp_path / "a.dm3", version, described(picture((200, 300)), NM))
    path.write_bytes(path.read_bytes()[: math.ceil(kept * path.stat().st_size)])
    with pytest.raises(InputError, match=r"a\.dm3: is (cut off|not a DM3).*again"):
        open_image(path)


@settings(max_examples=150)
@given(st.data())
def test_damage_is_told_in_one_line_or_does_no_harm(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.dm3"
    content = bytearray(encode(data.draw(st.sampled_from((3, 4))), file_tags(described(SMALL, NM))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    assert "\n" not in outcome(path)


def outcome(path):
    try:
        image = open_image(path)
        image.planes[0].read()
        if len(image.planes) == 1:
            copied(image, path.with_name("copy.dm4"), overwrite=True)
    except InputError as error:
        return str(error)
    return "read"


def test_axes_and_sizes_that_do_not_fit_are_refused(tmp_path):
    for axes, shape, name in (("CYX", (2, 9, 9), "a.dm4"), ("TZYX", (2, 2, 9, 9), "a.dm3")):
        with pytest.raises(InputError, match=rf"holds YX, ZYX or TYX, not {axes}; write \.tif or \.zarr"):
            writable_format(tmp_path / name, OutputSpec(name, axes, shape, np.dtype("uint8")))
    big = (70_000, 200, 200)
    with pytest.raises(InputError, match=r"a DM3 file holds at most 2 GB, .*; write \.dm4"):
        writable_format(tmp_path / "a.dm3", OutputSpec("a.dm3", "ZYX", big, np.dtype("uint8")))
    writable_format(tmp_path / "a.dm4", OutputSpec("a.dm4", "ZYX", big, np.dtype("uint8")))


def test_time_without_a_unit_becomes_z_and_it_is_said(tmp_path, picture):
    spec = OutputSpec(str(tmp_path / "a.dm3"), "TYX", (2, 20, 30), np.dtype("uint8"))
    with Writer(spec) as writer:
        for number in range(2):
            writer.write(number, picture((20, 30)))
    assert writer.notes == ["DigitalMicrograph names no axes: without a time per plane, T is read as Z"]
    assert open_image(tmp_path / "a.dm3").axes == "ZYX"


def test_an_input_that_is_gone_is_named(tmp_path, picture):
    image = open_image(written(tmp_path / "a.dm3", 3, described(picture((20, 30)), NM)))
    (tmp_path / "a.dm3").unlink()
    with pytest.raises(InputError, match=r"a\.dm3: no such file"), create_image(tmp_path / "b.dm3", image):
        pass
    (tmp_path / "a.dm3").write_bytes(encode(3, {"ImageList": []}))
    with pytest.raises(InputError, match=r"a\.dm3: has changed"), create_image(tmp_path / "b.dm3", image):
        pass


# Nion Swift's reader and writer, which is another's work; it reads unsigned bytes as signed


@VERSIONS
@pytest.mark.parametrize("shape", [(20, 30), (3, 20, 30)])
@pytest.mark.parametrize("dtype", [dtype for dtype in TYPES if dtype != "uint8"])
def test_nion_swift_reads_what_is_written(tmp_path, picture, version, shape, dtype):
    dm3 = pytest.importorskip("nionswift_plugin.DM_IO.dm3_image_utils")
    array, path = picture(shape, dtype), tmp_path / f"a.dm{version}"
    write_array(path, array, pixel_size=PixelSize({"Z": 8.0, "Y": 2.5, "X": 1.25}, "nm"))
    with path.open("rb") as file:
        read = dm3.load_image(file)
    np.testing.assert_array_equal(read.data, array)
    assert read.data.dtype == dtype
    assert [(axis.scale, axis.units) for axis in read.dimensional_calibrations] == [
        (size, "nm") for size in ([8.0, 2.5, 1.25][-len(shape) :])
    ]


@VERSIONS
def test_nion_swift_reads_the_history_and_all_tags(tmp_path, picture, version):
    dm3 = pytest.importorskip("nionswift_plugin.DM_IO.dm3_image_utils")
    path = written(tmp_path / f"a.dm{version}", version, described(picture((20, 30), "int16"), NM))
    copied(open_image(path), tmp_path / f"b.dm{version}", history="denoised")
    with (tmp_path / f"b.dm{version}").open("rb") as file:
        read = dm3.load_image(file)
    assert read.metadata["Pellucid"] == {"History": "denoised"}
    assert read.metadata["Acquisition"]["Frame"] == ((0.0, 0.0), (1.0, 1.0))
    assert [(axis.offset, axis.scale) for axis in read.dimensional_calibrations] == [(-17.5, 2.5), (-3.75, 1.25)]


@VERSIONS
@pytest.mark.parametrize("dtype", [dtype for dtype in TYPES if dtype not in ("uint8", "int8")])
def test_what_nion_swift_writes_is_read(tmp_path, picture, pixels, version, dtype):
    dm3 = pytest.importorskip("nionswift_plugin.DM_IO.dm3_image_utils")
    from nion.data import Calibration, DataAndMetadata

    array, path = picture((3, 20, 30), dtype), tmp_path / f"a.dm{version}"
    axes = [Calibration.Calibration(0, size, "nm") for size in (8.0, 2.5, 1.25)]
    images, spectra = DataAndMetadata.DataDescriptor(False, 1, 2), DataAndMetadata.DataDescriptor(False, 2, 1)
    for each, name in ((images, path), (spectra, tmp_path / "spectra.dm3")):
        made = DataAndMetadata.new_data_and_metadata(array, data_descriptor=each, dimensional_calibrations=axes)
        with name.open("wb") as file:
            dm3.save_image(made, file, version)
    image = open_image(path)
    np.testing.assert_array_equal(pixels(image), array)
    assert (image.axes, image.dtype) == ("ZYX", dtype)
    assert image.pixel_size == PixelSize({"Z": 8.0, "Y": 2.5, "X": 1.25}, "nm")
    with pytest.raises(InputError, match="is a spectrum image"):
        open_image(tmp_path / "spectra.dm3")
