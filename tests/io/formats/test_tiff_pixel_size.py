"""The pixel size from where each maker of microscopes puts it, and from nowhere else."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile

from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image

from .copying import copy

FIVE = PixelSize({"Y": 5.0, "X": 5.0}, "nm")
OBLONG = PixelSize({"Y": 6.0, "X": 5.0}, "nm")


def text_tag(code, text):
    return [(code, 2, 0, text.encode("cp1252") + b"\0", True)]


def zeiss(unit_line):
    return "\r\n0\r\n0\r\n0\r\nAP_PIXEL_SIZE\r\nPixel Size = 9.000 nm\r\n" + unit_line + "DP_ZOOM\r\nZoom = Off\r\n"


def thermo(width, height):
    return f"[User]\r\nDate=1\r\n\r\n[Scan]\r\nPixelWidth={width}\r\nPixelHeight={height}\r\n\r\n[EBeam]\r\nHV=2000\r\n"


def tvips(x, y):
    head = np.zeros(1, tifffile.TIFF.TVIPS_HEADER_V1)
    head["Version"] = 2
    body = np.zeros(1, [(name, form.replace("V", "S")) for name, form in tifffile.TIFF.TVIPS_HEADER_V2])
    body["PixelSizeX"], body["PixelSizeY"], body["Magic"] = x, y, 0xAAAAAAAA
    data = head.tobytes() + body.tobytes()
    return [(37706, 4, len(data) // 4, data, True)]


def gatan(x, y, unit):
    units = text_tag(65003, unit) + text_tag(65004, unit)
    return [*units, (65009, 12, 1, x, True), (65010, 12, 1, y, True)]


TAGS = {
    "zeiss": (text_tag(34118, zeiss("AP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 5.000 nm\r\n")), FIVE),
    "zeiss µm": (text_tag(34118, zeiss("AP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 0.005 µm\r\n")), FIVE),
    "zeiss without": (text_tag(34118, zeiss("")), None),
    "FEI": (text_tag(34680, thermo("5e-009", "6e-009")), OBLONG),
    "Thermo": (text_tag(34682, thermo("5e-009", "6e-009")), OBLONG),
    "Thermo unknown": (text_tag(34682, thermo(0, 0)), None),
    "Tescan": (text_tag(50431, "[MAIN]\r\nPixelSizeX=5e-09\r\nPixelSizeY=6e-09\r\nDevice=MIRA\r\n"), OBLONG),
    "Tescan bytes": ([(50431, 7, 43, b"\x01\x02\xff[M]\nPixelSizeX=5e-9\nPixelSizeY=6.00e-9\n\0", True)], OBLONG),
    "TVIPS": (tvips(5, 6), OBLONG),
    "TVIPS unknown": (tvips(0, 0), None),
    "Gatan": (gatan(5.0, 6.0, "nm"), OBLONG),
    "Gatan µm": (gatan(0.005, 0.006, "µm"), OBLONG),
    "Gatan diffraction": (gatan(5.0, 6.0, "1/nm"), None),
}
TEXTS = {
    "Hitachi": ("Instrument=S-4800\nPixelSize=5 nm\nWD=5.1mm", FIVE),
    "Hitachi's file": ("[SemImageFile]\nInstructName=SU8000\nPixelSize=5.0\n", FIVE),
    "no unit": ("PixelSize=5", None),
    "JEOL": ("$CM_MAG 5000\n$$SM_MICRON_BAR 200\n$$SM_MICRON_MARKER 1um\n", FIVE),
    "JEOL nm": ("$CM_MAG 50000\n$$SM_MICRON_BAR 20\n$$SM_MICRON_MARKER 100nm\n", FIVE),
    "JEOL without a bar": ("$$SM_MICRON_BAR 0\n$$SM_MICRON_MARKER 1um\n", None),
}
CASES = {name: ({"extratags": tags}, size) for name, (tags, size) in TAGS.items()}
CASES |= {name: ({"description": text}, size) for name, (text, size) in TEXTS.items()}


def nanometres(size):
    return size and size.to("nm", digits=6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", CASES)
def test_the_size_is_read_and_the_maker_s_tag_is_kept(tmp_path, picture, name):
    options, size = CASES[name]
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), metadata=None, **options)
    image = open_image(tmp_path / "a.tif")
    assert nanometres(image.pixel_size) == size
    with create_image(tmp_path / "b.tif", image) as writer:
        writer.write(0, image.planes[0].read())
    assert writer.notes == []
    again = open_image(tmp_path / "b.tif")
    assert again.style == image.style
    assert nanometres(again.pixel_size) == size
    with tifffile.TiffFile(tmp_path / "a.tif") as before, tifffile.TiffFile(tmp_path / "b.tif") as after:
        old, new = before.pages[0].tags, after.pages[0].tags
        for tag in options.get("extratags", []):
            assert str(new[tag[0]].value) == str(old[tag[0]].value)
            assert new[tag[0]].dtype == old[tag[0]].dtype
        assert new.valueof(270) == old.valueof(270)


def olympus(path, *images):
    """A file with the binary data of Olympus SIS, which say where in the file they are."""
    head = struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 1, 100, b"test", 1)
    body = struct.pack("<10xhdd8xd2x34s32s", -9, 5.0, 6.0, 1000.0, b"", b"")
    entry = struct.pack("<hhI", 1, 1, 0)
    with tifffile.TiffWriter(path) as tif:
        for array in images:
            options = {"photometric": "rgb" if array.ndim == 3 else "minisblack", "metadata": None}
            tif.write(array, extratags=[(33560, 7, 0, head + entry + body, True)], **options)
    with tifffile.TiffFile(path) as tif:
        places = [page.tags[33560].valueoffset + len(head) for page in tif.pages]
    with path.open("r+b") as file:
        for place in places:
            file.seek(place + 4)
            file.write(struct.pack("<I", place + len(entry)))


def test_the_size_of_olympus_is_read_and_its_data_are_told_to_be_lost(tmp_path, picture):
    olympus(tmp_path / "a.tif", picture((20, 30)))
    image = open_image(tmp_path / "a.tif")
    assert image.pixel_size == OBLONG
    with create_image(tmp_path / "b.tif", image) as writer:
        writer.write(0, image.planes[0].read())
    assert writer.notes == ["not kept: Olympus data"]
    assert nanometres(open_image(tmp_path / "b.tif").pixel_size) == OBLONG


@pytest.mark.parametrize("reverse", [False, True])
def test_a_picture_and_the_data_of_olympus_are_two_images(tmp_path, picture, pixels, reverse):
    images = [picture((20, 30, 3)), picture((20, 30), "uint16")]
    olympus(tmp_path / "a.tif", *(images[::-1] if reverse else images))
    image = open_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels(image), images[1])
    assert image.pixel_size == OBLONG


def test_the_tag_may_be_on_the_picture_beside_the_data(tmp_path, picture):
    tags, size = TAGS["zeiss"]
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(picture((20, 30, 3)), photometric="rgb", metadata=None, extratags=tags)
        tif.write(picture((20, 30), "uint16"), metadata=None)
    assert open_image(tmp_path / "a.tif").pixel_size == size


@pytest.mark.parametrize("value", ["nonsense", "-5 nm", "inf nm", "5 furlongs", ""])
def test_a_size_that_is_none_is_not_taken(tmp_path, picture, value):
    text = zeiss(f"AP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = {value}\r\n")
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), metadata=None, extratags=text_tag(34118, text))
    assert open_image(tmp_path / "a.tif").pixel_size is None


def imagej(path, array, resolution=(4.0, 4.0), **said):
    """A stack as ImageJ describes it."""
    lines = ["ImageJ=1.54f", f"images={len(array)}", f"slices={len(array)}", *(f"{k}={v}" for k, v in said.items())]
    options = {"resolution": resolution, "resolutionunit": 1, "metadata": None, "photometric": "minisblack"}
    tifffile.imwrite(path, array, description="\n".join(lines) + "\n", **options)
    return path


def copied(source, target):
    notes = copy(source, target).notes
    return open_image(target), notes


@pytest.mark.parametrize(
    ("said", "per_unit", "sizes", "unit"),
    [
        ({"unit": "nm", "zunit": "micron", "spacing": 0.05}, (4, 4), (50.0, 0.25, 0.25), "nm"),
        ({"unit": "micron", "yunit": "nm", "spacing": 0.05}, (4, 0.004), (0.05, 0.25, 0.25), "µm"),
        ({"unit": "micron", "spacing": -0.5}, (4, 4), (0.5, 0.25, 0.25), "µm"),
        ({"unit": "\\u00C5", "spacing": 2}, (4, 4), (2.0, 0.25, 0.25), "Å"),
        ({"unit": "\\u212B", "spacing": 2}, (4, 4), (2.0, 0.25, 0.25), "Å"),
        ({"unit": "\\u03BCm", "spacing": 2}, (4, 4), (2.0, 0.25, 0.25), "µm"),
        ({"unit": "micrometers", "spacing": 2}, (4, 4), (2.0, 0.25, 0.25), "µm"),
        ({"unit": "Angstroms", "spacing": 2}, (4, 4), (2.0, 0.25, 0.25), "Å"),
        ({"unit": "mil", "spacing": 0.5}, (40, 40), (0.00127, 0.0000635, 0.0000635), "cm"),
    ],
)
def test_units_of_imagej_are_followed_along_each_axis(tmp_path, picture, said, per_unit, sizes, unit):
    source = imagej(tmp_path / "a.tif", picture((3, 20, 30)), per_unit, **said)
    size = dict(zip("ZYX", sizes, strict=True)), unit
    image = open_image(source)
    assert image.pixel_size == PixelSize(*size)
    assert image.style.annotations == ()
    made, notes = copied(source, tmp_path / "b.tif")
    assert notes == []
    assert nanometres(made.pixel_size) == nanometres(image.pixel_size)


@pytest.mark.parametrize(
    "said",
    [
        {"unit": "inch", "spacing": 2.0},
        {"unit": "furlong", "yunit": "sec"},
        {"unit": "nm", "zunit": "sec", "spacing": 3.0},
    ],
)
def test_a_calibration_that_is_no_length_is_kept_as_it_is(tmp_path, picture, said):
    source = imagej(tmp_path / "a.tif", picture((3, 20, 30)), (72.0, 36.5), **said)
    made, notes = copied(source, tmp_path / "b.tif")
    assert notes == []
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(tmp_path / "b.tif") as after:
        old, new = before.pages[0].tags, after.pages[0].tags
        assert {name: after.imagej_metadata.get(name) for name in said} == said
        for code in (282, 283):
            assert np.divide(*new[code].value) == pytest.approx(np.divide(*old[code].value))
    assert made.style == open_image(source).style
    unit = said["zunit"] if "zunit" in said else said["unit"]
    assert copied(source, tmp_path / "b.zarr")[1] == [f"not kept by OME-Zarr: calibration in {unit}"]


def test_a_size_in_pixels_says_nothing_to_other_formats(tmp_path, picture):
    source = imagej(tmp_path / "a.tif", picture((3, 20, 30)), (1.0, 1.0), unit="pixel", spacing=1.0)
    assert open_image(source).style.annotations == ()


def test_a_size_that_no_resolution_can_tell_is_told_to_be_lost(tmp_path, picture):
    array = picture((20, 30))
    tifffile.imwrite(tmp_path / "a.tif", array, resolution=(2**32 - 1, 2**32 - 1), resolutionunit=3, metadata=None)
    assert open_image(tmp_path / "a.tif").pixel_size is not None
    made, notes = copied(tmp_path / "a.tif", tmp_path / "b.tif")
    assert notes == [
        "not kept: pixel size (0.002328 × 0.002328 nm, which is too small or too large for a TIFF of this kind)"
    ]
    assert made.pixel_size is None


def test_a_resolution_along_one_axis_alone_is_none(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), metadata=None, resolution=(1e6, 1e6), resolutionunit=3)
    data = (tmp_path / "a.tif").read_bytes()
    order = "<" if data[:2] == b"II" else ">"
    entry = struct.pack(f"{order}HH", 283, 5)
    assert data.count(entry) == 1
    (tmp_path / "a.tif").write_bytes(data.replace(entry, struct.pack(f"{order}HH", 40000, 5)))
    assert open_image(tmp_path / "a.tif").pixel_size is None
