from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import InputError
from pellucid.io.arrays import open_array
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image

TYPES = {"uint8": 1, "uint16": 2, "uint32": 3, "int8": 4, "int16": 5, "int32": 6, "float32": 7, "float64": 8}
VERSIONS = pytest.mark.parametrize("version", [0x0210, 0x0220])
TIME, PLACE = 0x4152, 0x4142


def element(plane, metres=(2e-9, 1e-9), kind=None):
    """A calibrated image, the lowest row first."""
    y, x = metres
    height, width = plane.shape
    head = struct.pack("<ddiddihii", 0, x, 0, 0, y, 0, kind or TYPES[plane.dtype.name], width, height)
    return head + np.ascontiguousarray(plane[::-1]).tobytes()


def series(version, elements, planned=None, tag=TIME, of_what=0x4122):
    """A file as TIA writes it: planned are more elements than were recorded; tags stand between the elements."""
    position = "<i" if version == 0x0210 else "<q"
    total = planned or len(elements)
    begin = b"II" + struct.pack("<HHIIii", 0x0197, version, of_what, tag, total, len(elements))
    axis = struct.pack("<iddi", total, 0, 1, 0) + struct.pack("<i6si", 6, b"Number", 0)
    listing = len(begin) + struct.calcsize(position) + 4 + len(axis)
    start = listing + 2 * total * struct.calcsize(position)
    starts, body = [], b""
    for each in elements:
        starts.append(start + len(body))
        body += each + struct.pack("<HHI", tag, 0, 1_234_567_890)
    starts += [0] * (2 * total - len(starts))
    offsets = b"".join(struct.pack(position, one) for one in starts)
    return begin + struct.pack(f"{position}i", listing, 1) + axis + offsets + body


@VERSIONS
@pytest.mark.parametrize("dtype", TYPES)
def test_an_image_is_read(tmp_path, picture, pixels, version, dtype):
    plane = picture((20, 30), dtype)
    (tmp_path / "a_1.ser").write_bytes(series(version, [element(plane)]))
    (tmp_path / "a.emi").write_bytes(b"the description of the microscope")
    image = open_image(tmp_path / "a_1.ser")
    np.testing.assert_array_equal(pixels(image), plane)
    np.testing.assert_array_equal(image.planes[0][3:9, 20:22], plane[3:9, 20:22])
    assert (image.axes, image.dtype) == ("YX", dtype)
    assert image.pixel_size == PixelSize({"Y": 2.0, "X": 1.0}, "nm")


@VERSIONS
def test_a_series_is_along_time_and_what_was_not_recorded_is_omitted(tmp_path, picture, pixels, version):
    planes = picture((3, 20, 30), "uint16")
    content = series(version, [element(plane, (3e-6, 2e-6)) for plane in planes], planned=5, tag=PLACE)
    (tmp_path / "a.ser").write_bytes(content)
    image = open_image(tmp_path / "a.ser")
    np.testing.assert_array_equal(pixels(image), planes)
    np.testing.assert_array_equal(image.read_block((slice(1, 3),), slice(2, 9), slice(0, 30)), planes[1:3, 2:9])
    assert image.axes == "TYX"
    assert image.pixel_size == PixelSize({"Y": 3.0, "X": 2.0}, "µm")
    assert image.style.annotations == ("recording times and positions",)


def test_other_formats_say_what_they_do_not_keep(tmp_path, picture):
    (tmp_path / "a.ser").write_bytes(series(0x0220, [element(picture((20, 30)))]))
    image = open_image(tmp_path / "a.ser")
    with create_image(tmp_path / "a.tif", image) as writer:
        writer.write(0, image.planes[0].read())
    assert writer.notes == ["not kept by TIFF: recording times"]
    assert open_image(tmp_path / "a.tif").pixel_size == image.pixel_size


@pytest.mark.parametrize("metres", [(1e8, 1e8), (1.0, 1.0), (0.0, 0.0), (-1e9, -1e9)])
def test_calibrations_that_are_no_lengths_are_no_pixel_size(tmp_path, picture, metres):
    """Those of diffraction patterns are in 1/m, which the file does not say; no pixel is a metre wide."""
    (tmp_path / "a.ser").write_bytes(series(0x0220, [element(picture((20, 30)), metres)]))
    image = open_image(tmp_path / "a.ser")
    assert image.pixel_size is None
    assert ("a calibration in 1/m" in image.style.annotations) == (metres[0] != 0)


IMAGE = np.ones((20, 30), "float32")


MANY = series(0x0220, [element(IMAGE)])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (series(0x0220, [element(IMAGE)] * 3, of_what=0x4120), r"holds spectra \(3\), not images"),
        (series(0x0220, [element(IMAGE)], of_what=0x4121), r"has neither images nor spectra \(type 0x4121\)"),
        (series(0x0220, [], planned=4), "has no image in it"),
        (series(0x0220, [element(IMAGE, kind=9)]), "complex pixels"),
        (series(0x0220, [element(IMAGE, kind=17)]), "unknown type 17"),
        (series(0x0220, [element(IMAGE), element(IMAGE[:9])]), "several sizes or pixel types"),
        (series(0x0220, [element(IMAGE), element(IMAGE.astype("uint32"))]), "several sizes or pixel types"),
        (series(0x0220, [element(IMAGE)])[:-2000], "is cut off or damaged; copy or export it again"),
        (series(0x0210, [element(IMAGE)])[:40], "is cut off or damaged"),
        (b"II\x97\x01", "is cut off or damaged"),
        (MANY[:18] + struct.pack("<i", 2**31 - 1) + MANY[22:], "is cut off or damaged"),
        (b"MM\x01\x97", "is not a SER file of TIA"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(tmp_path, content, said):
    (tmp_path / "a.ser").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.ser: .*{said}") as caught:
        open_image(tmp_path / "a.ser")
    assert "\n" not in str(caught.value)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 2600), st.integers(0, 255)), min_size=1, max_size=3))
def test_damage_is_told_in_one_line_or_does_no_harm(tmp_path_factory, changes):
    path = tmp_path_factory.getbasetemp() / "damaged.ser"
    content = bytearray(series(0x0220, [element(IMAGE)]))
    for place, byte in changes:
        content[place % len(content)] = byte
    path.write_bytes(content)
    assert "\n" not in outcome(path)


def outcome(path):
    try:
        open_image(path).planes[0].read()
    except InputError as error:
        return str(error)
    return "read"


def test_it_is_not_written(tmp_path):
    with pytest.raises(InputError, match=r"a\.ser: SER is only read; write \.tif instead"):
        create_image(tmp_path / "a.ser", open_array(IMAGE))


@VERSIONS
def test_ncempy_reads_the_same(tmp_path, picture, pixels, version):
    ser = pytest.importorskip("ncempy.io.ser")
    planes = picture((3, 20, 30), "int16")
    (tmp_path / "a.ser").write_bytes(series(version, [element(plane) for plane in planes]))
    read = ser.serReader(str(tmp_path / "a.ser"))
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.ser")), read["data"])
    assert list(read["pixelSize"]) == [2e-9, 1e-9]
