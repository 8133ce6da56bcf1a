from __future__ import annotations

import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from pellucid.errors import InputError
from pellucid.io.arrays import open_array
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import CONVERSIONS, contents, open_image
from pellucid.io.writing import create_image

EXTENSIONS = {".nd2": "nd2", ".lif": "liffile", ".oib": "oiffile", ".oif": "oiffile"}


@pytest.mark.parametrize(("extension", "library"), EXTENSIONS.items())
def test_without_its_library_the_extra_package_is_named(tmp_path, monkeypatch, extension, library):
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / f"a{extension}").write_bytes(b"pixels")
    needed = rf"a\{extension}: reading \{extension} needs an extra package: pip install 'pellucid\[microscopes\]'"
    with pytest.raises(InputError, match=needed):
        open_image(tmp_path / f"a{extension}")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_they_are_not_written(tmp_path, picture, extension):
    with pytest.raises(InputError, match=r"is only read; write \.tif instead"):
        create_image(tmp_path / f"a{extension}", open_array(picture((20, 30))))


@pytest.mark.parametrize("extension", CONVERSIONS)
def test_of_other_formats_the_conversion_is_told(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    path.write_bytes(b"pixels")
    with pytest.raises(InputError, match=rf"a\{extension}: not an image format that Pellucid reads; ") as caught:
        open_image(path)
    assert any(tool in str(caught.value) for tool in ("bfconvert a", "Fiji", "give that"))
    assert "{" not in str(caught.value)


# LIF: files as Leica writes them, read by liffile


def lif(*images):
    """The bytes of a project: each image is a name, its axes, their lengths in metres by axis, and its array."""
    elements, blocks = "", b""
    for number, (name, axes, lengths, array) in enumerate(images):
        bits = 8 * array.itemsize
        steps = dict(zip(axes, array.strides, strict=True))
        dimensions = "".join(
            f'<DimensionDescription DimID="{"_XYZT".index(axis)}" NumberOfElements="{size}" Origin="0" '
            f'Length="{lengths.get(axis, 0)}" Unit="m" BitInc="0" BytesInc="{steps[axis]}"/>'
            for axis, size in zip(axes, array.shape, strict=True)
            if axis != "C"
        )
        channels = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{bits}" NameOfMeasuredQuantity="" Min="0" '
            f'Max="1" Unit="" LUTName="" IsLUTInverted="0" BytesInc="{channel * steps.get("C", 0)}" BitInc="0"/>'
            for channel in range(array.shape[axes.index("C")] if "C" in axes else 1)
        )
        elements += (
            f'<Element Name="{name}" UniqueID="{number}"><Data><Image><ImageDescription><Channels>{channels}</Channels>'
            f"<Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
            f'<Memory Size="{array.nbytes}" MemoryBlockID="block{number}"/></Element>'
        )
        label = f"block{number}".encode("utf-16-le")
        blocks += struct.pack("<IIBQBI", 0x70, 0, 0x2A, array.nbytes, 0x2A, len(label) // 2) + label + array.tobytes()
    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="project" UniqueID="p"><Children>'
        f"{elements}</Children></Element></LMSDataContainerHeader>"
    )
    return struct.pack("<IIBI", 0x70, 2 * len(text) + 5, 0x2A, len(text)) + text.encode("utf-16-le") + blocks


@pytest.mark.parametrize(
    ("axes", "shape", "dtype"),
    [("YX", (20, 30), "uint8"), ("ZYX", (3, 20, 30), "uint16"), ("TZCYX", (2, 3, 2, 20, 30), "uint16")],
)
def test_an_image_of_leica_is_read(tmp_path, picture, pixels, axes, shape, dtype):
    pytest.importorskip("liffile")
    array = picture(shape, dtype)
    # from the centre of the first pixel to that of the last
    lengths = {"Z": 2 * 0.5e-6, "Y": 19 * 0.25e-6, "X": 29 * 0.125e-6}
    (tmp_path / "a.lif").write_bytes(lif(("tissue", axes, lengths, array)))
    image = open_image(tmp_path / "a.lif")
    np.testing.assert_array_equal(pixels(image), array)
    assert (image.axes, image.dtype) == (axes, dtype)
    size = {"Z": 0.5, "Y": 0.25, "X": 0.125}
    assert image.pixel_size == PixelSize({axis: size[axis] for axis in axes if axis in size}, "µm")
    np.testing.assert_array_equal(image.planes[-1][2:5, 3:9], array.reshape(-1, 20, 30)[-1, 2:5, 3:9])


def test_of_several_images_of_leica_one_is_named(tmp_path, picture, pixels):
    pytest.importorskip("liffile")
    first, second = picture((20, 30)), picture((3, 25, 30), "uint16")
    path = tmp_path / "a.lif"
    path.write_bytes(lif(("tissue", "YX", {}, first), ("stack", "ZYX", {}, second)))
    with pytest.raises(InputError, match=r"has 2 images \(tissue, 20 × 30; stack, 3 × 25 × 30\): name one, as in .*:0"):
        open_image(path)
    assert contents(path) == [f"{path}:0: tissue, 20 × 30", f"{path}:1: stack, 3 × 25 × 30"]
    image = open_image(f"{path}:1")
    np.testing.assert_array_equal(pixels(image), second)
    assert (image.path, image.pixel_size) == (f"{path}:1", None)
    with pytest.raises(InputError, match=r"has no image 2; it has 2"):
        open_image(f"{path}:2")


def test_a_project_of_leica_that_is_cut_off_is_named(tmp_path, picture):
    pytest.importorskip("liffile")
    content = lif(("tissue", "YX", {}, picture((20, 30))))
    for kept in (10, 400, len(content) - 5):
        (tmp_path / "a.lif").write_bytes(content[:kept])
        with pytest.raises(InputError, match=r"a\.lif.*: "):
            open_image(tmp_path / "a.lif").planes[0].read()


# OIF: files as FluoView writes them, read by oiffile


def oif(path, planes, settings=""):
    """A folder with a TIFF a plane, (C, Z, Y, X), and the settings beside it."""
    text = f"[ProfileSaveInfo]\r\nName=OIF\r\nVersion=1.0\r\n{settings}"
    path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    folder = path.with_name(f"{path.name}.files")
    folder.mkdir()
    for channel, stack in enumerate(planes):
        for depth, plane in enumerate(stack):
            tifffile.imwrite(folder / f"s_C{channel + 1:03}Z{depth + 1:03}.tif", plane)


SETTINGS = "\r\n".join(
    (
        "[Axis 3 Parameters Common]",
        "Interval=500.0",
        'UnitName="nm"',
        "[Reference Image Parameter]",
        "HeightConvertValue=0.25",
        'HeightUnit="um"',
        "WidthConvertValue=0.125",
        'WidthUnit="um"',
    )
)


def test_planes_of_olympus_are_read(tmp_path, picture, pixels):
    pytest.importorskip("oiffile")
    array = picture((2, 3, 20, 30), "uint16")
    oif(tmp_path / "a.oif", array, SETTINGS)
    image = open_image(tmp_path / "a.oif")
    np.testing.assert_array_equal(pixels(image), array)
    np.testing.assert_array_equal(image.planes[4][2:5, 3:9], array[1, 1, 2:5, 3:9])
    assert (image.axes, image.dtype) == ("CZYX", "uint16")
    assert image.pixel_size == PixelSize({"Z": 0.5, "Y": 0.25, "X": 0.125}, "µm")


def test_planes_of_olympus_that_are_missing_or_in_colour_are_told(tmp_path, picture):
    pytest.importorskip("oiffile")
    oif(tmp_path / "a.oif", picture((2, 3, 20, 30), "uint16"))
    assert open_image(tmp_path / "a.oif").pixel_size is None
    (tmp_path / "a.oif.files/s_C002Z002.tif").unlink()
    with pytest.raises(InputError, match=r"a\.oif: is in colour, or planes of it are missing"):
        open_image(tmp_path / "a.oif")
    oif(tmp_path / "b.oif", picture((1, 1, 20, 30, 3)))
    with pytest.raises(InputError, match=r"b\.oif: is in colour, or"):
        open_image(tmp_path / "b.oif")
    oif(tmp_path / "c.oif", ())
    with pytest.raises(InputError, match=r"c\.oif: has no planes; keep the folder"):
        open_image(tmp_path / "c.oif")
    (tmp_path / "c.oif.files").rmdir()
    with pytest.raises(InputError, match=r"c\.oif: cannot be read"):
        open_image(tmp_path / "c.oif")


# ND2: nothing writes it, and no file is at hand. A stand-in with the interface of nd2.ND2File as its documentation
# describes it shows how axes, positions and pixel size are taken from it; it does not show that real files can be read.


def nd2_library(array, sizes, calibrated=(True, True, True)):
    """A module nd2 whose files have this array, with the axes that ``sizes`` names."""

    class ND2File:
        def __init__(self, path):
            self.sizes = {axis: size for axis, size in sizes.items() if size != 1}
            self.dtype = array.dtype
            volume = SimpleNamespace(axesCalibrated=calibrated, axesCalibration=(0.125, 0.25, 0.5))
            self.metadata = SimpleNamespace(channels=[SimpleNamespace(volume=volume)])
            self.closed = False

        def read_frame(self, number):
            in_frame = [axis for axis in sizes if axis in "CYXS"]
            frames = array.reshape(-1, *(sizes[axis] for axis in in_frame))
            assert not self.closed
            return frames[number].squeeze()

        def close(self):
            self.closed = True

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.close()

    return SimpleNamespace(ND2File=ND2File)


@pytest.fixture
def nikon(tmp_path, monkeypatch):
    """A file, with a stand-in for the library that reads it."""

    def make(*args, **options):
        monkeypatch.setitem(sys.modules, "nd2", nd2_library(*args, **options))
        (tmp_path / "a.nd2").write_bytes(b"pixels")
        return tmp_path / "a.nd2"

    return make


@pytest.mark.parametrize(
    ("sizes", "axes"),
    [
        ({"Y": 20, "X": 30}, "YX"),
        ({"T": 2, "Z": 3, "C": 2, "Y": 20, "X": 30}, "TZCYX"),
        ({"Z": 3, "C": 1, "Y": 20, "X": 30}, "ZYX"),
    ],
)
def test_axes_and_pixel_size_of_nikon(nikon, picture, pixels, sizes, axes):
    array = picture(tuple(sizes.values()), "uint16")
    image = open_image(nikon(array, sizes))
    assert (image.axes, image.dtype) == (axes, "uint16")
    np.testing.assert_array_equal(pixels(image), array.reshape(image.shape))
    np.testing.assert_array_equal(image.planes[-1][2:5, 3:9], array.reshape(-1, 20, 30)[-1, 2:5, 3:9])
    size = {"Z": 0.5, "Y": 0.25, "X": 0.125}
    assert image.pixel_size == PixelSize({axis: size[axis] for axis in axes if axis in size}, "µm")
    image.close()
    assert image.planes[0].read().shape == (20, 30)


def test_of_several_positions_of_nikon_one_is_named(nikon, picture, pixels):
    sizes = {"T": 2, "P": 3, "C": 2, "Y": 20, "X": 30}
    array = picture(tuple(sizes.values()), "uint16")
    path = nikon(array, sizes)
    with pytest.raises(InputError, match=r"has 3 images \(position 0; position 1; position 2\): name one, as in .*:0"):
        open_image(path)
    assert contents(path) == [f"{path}:{number}: position {number}" for number in range(3)]
    image = open_image(f"{path}:1")
    assert image.axes == "TCYX"
    np.testing.assert_array_equal(pixels(image), array[:, 1])


def test_what_nikon_does_not_calibrate_is_unknown(nikon, picture):
    sizes = {"Z": 3, "Y": 20, "X": 30}
    for calibrated, size in (((True, True, False), {"Y": 0.25, "X": 0.125}), ((False, False, True), None)):
        image = open_image(nikon(picture((3, 20, 30)), sizes, calibrated))
        assert image.pixel_size == (PixelSize(size, "µm") if size else None)


def test_colour_of_nikon_is_refused(nikon, picture):
    with pytest.raises(InputError, match=r"a\.nd2: is a colour image"):
        open_image(nikon(picture((20, 30, 3)), {"Y": 20, "X": 30, "S": 3}))


def test_a_damaged_file_of_nikon_is_named(tmp_path):
    pytest.importorskip("nd2")
    (tmp_path / "a.nd2").write_bytes(b"\xda\xce\xbe\x0a" + bytes(1000))
    with pytest.raises(InputError, match=r"a\.nd2: cannot be read"):
        open_image(tmp_path / "a.nd2")
