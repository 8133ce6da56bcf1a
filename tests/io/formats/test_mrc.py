from __future__ import annotations

import bz2
import errno
import gzip
import io
import math
import shutil
from itertools import permutations

import hypothesis.extra.numpy as arrays
import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data.output_paths import output_paths
from pellucid.data.source import open_source
from pellucid.errors import InputError, RunError
from pellucid.io.formats.mrc import FourBitPixels
from pellucid.io.formats.mrc_header import Header
from pellucid.io.formats.mrc_result import describe
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import Writer, write_array

from .copying import copy

IMOD = 1146047817
UPWARDS = "rows go upwards in MRC: IMOD and Fiji show the result upside down"
STATISTICS = ("dmin", "dmax", "dmean", "rms")


def make(path, array, voxel=None, stack=False):
    with mrcfile.new(path) as file:
        file.set_data(array)
        if stack:
            file.set_image_stack()
        if voxel is not None:
            file.voxel_size = voxel


def write(path, image, pixels, **more):
    """Write pixels as if they were computed from an image."""
    spec = OutputSpec(str(path), image.axes, pixels.shape, pixels.dtype, image.pixel_size, image.style, **more)
    with Writer(spec) as writer:
        for number, plane in enumerate(pixels.reshape(-1, *pixels.shape[-2:])):
            writer.write(number, plane)
    return writer


def change(path, *, target=None, **fields):
    """Change fields of a header."""
    data = bytearray(path.read_bytes())
    header = Header(bytes(data[:1024]))
    for name, value in fields.items():
        if name in header.imod.dtype.names:
            header.imod[name] = value
        else:
            header.fields[name] = value
    data[:1024] = bytes(header)
    (target or path).write_bytes(data)


@pytest.mark.parametrize("stack", [False, True])
def test_voxel_size_in_angstrom_and_kind_are_kept(tmp_path, picture, stack):
    make(tmp_path / "a.mrc", picture((3, 20, 30), "int16"), (1.06, 1.06, 2.5), stack)
    image = open_image(tmp_path / "a.mrc")
    assert image.pixel_size == PixelSize({"Z": 2.5, "Y": 1.06, "X": 1.06}, "Å")
    copy(tmp_path / "a.mrc", tmp_path / "b.mrc")
    with mrcfile.open(tmp_path / "b.mrc") as made:
        assert made.is_image_stack() == stack
        assert [round(float(made.voxel_size[axis]), 4) for axis in "xyz"] == [1.06, 1.06, 2.5]
        assert made.header.dmax == 119
        np.testing.assert_array_equal(made.data, picture((3, 20, 30), "int16"))
    mrcfile.validate(tmp_path / "b.mrc")


def test_no_voxel_size_stays_unknown(tmp_path, picture):
    make(tmp_path / "a.mrc", picture((20, 30), "float32"))
    assert open_image(tmp_path / "a.mrc").pixel_size is None


def test_unsigned_bytes_become_uint16_and_it_is_said(tmp_path, picture):
    spec = OutputSpec(str(tmp_path / "a.mrc"), "YX", (20, 30), np.dtype("uint8"))
    with Writer(spec) as writer:
        writer.write(0, picture((20, 30)))
    assert writer.notes == [UPWARDS, "MRC has no unsigned 8-bit mode: stored as uint16 (mode 6), values unchanged"]
    assert open_image(tmp_path / "a.mrc").dtype == "uint16"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("flags", "dtype"), [(0, "uint8"), (1, "int8")])
def test_imods_unsigned_bytes_are_known_by_their_flag(tmp_path, pixels, order, flags, dtype):
    array = np.arange(600, dtype="uint8").reshape(20, 30)
    make(tmp_path / "a.mrc", array.view("int8"))
    data = bytearray((tmp_path / "a.mrc").read_bytes())
    if order == ">":
        words = np.frombuffer(bytes(data[:1024]), "<i4").astype(">i4").tobytes()
        data[:208] = words[:208]
        data[208:212], data[212:216] = b"MAP ", bytes([0x11, 0x11, 0, 0])
    data[152:160] = np.array([1146047817, flags], f"{order}i4").tobytes()
    (tmp_path / "b.mrc").write_bytes(data)
    image = open_image(tmp_path / "b.mrc")
    assert image.dtype == dtype
    np.testing.assert_array_equal(pixels(image), array.view(dtype))


def test_transforms_are_refused(tmp_path):
    make(tmp_path / "a.mrc", np.ones((20, 30), "complex64"))
    with pytest.raises(InputError, match="mode 4"):
        open_image(tmp_path / "a.mrc")


def test_a_stack_is_mapped(tmp_path, picture):
    make(tmp_path / "a.mrc", picture((3, 20, 30), "float32"))
    assert isinstance(open_image(tmp_path / "a.mrc").planes[1].read(), np.memmap)


def rich(path, array, order="<"):
    """A file with something in every field that a result keeps."""
    sections = array.shape[0]
    with mrcfile.new(path) as file:
        file.set_data(array.astype(array.dtype.newbyteorder(order)))
        file.header.mx, file.header.my, file.header.mz = 200, 100, 50  # the cell is larger than the image
        file.header.cella = (700.0, 400.0, 350.0)
        file.header.cellb = (90.0, 95.5, 90.0)
        file.header.origin = (100.0, 200.0, -350.0)
        file.header.nxstart, file.header.nystart, file.header.nzstart = 11, 22, 33
        file.header.ispg = 19
        file.add_label("made by a test: tilt series")
        file.set_extended_header(np.arange(4 * sections, dtype=f"{order}i2"))
        file.header.exttyp = b"SERI"
    change(path, integers=8, reals=7)


@pytest.mark.parametrize("order", ["<", ">"])
def test_everything_else_in_the_headers_is_kept(tmp_path, picture, order):
    array = picture((5, 20, 30), "int16")
    rich(tmp_path / "a.mrc", array, order)
    image = open_image(tmp_path / "a.mrc")
    assert image.pixel_size == PixelSize({"Z": 7.0, "Y": 4.0, "X": 3.5}, "Å")
    writer = write(tmp_path / "b.mrc", image, array + np.int16(1), history="denoised by a test")
    assert writer.notes == []
    with mrcfile.open(tmp_path / "a.mrc") as before, mrcfile.open(tmp_path / "b.mrc") as after:
        for name in set(before.header.dtype.names) - {*STATISTICS, "nlabl", "label"}:
            assert after.header[name].tobytes() == before.header[name].tobytes(), name
        assert after.extended_header.tobytes() == before.extended_header.tobytes()
        assert [label.strip() for label in after.get_labels()[1:]] == [
            "made by a test: tilt series",
            "denoised by a test",
        ]
        assert after.get_labels()[0] == before.get_labels()[0]
        np.testing.assert_array_equal(after.data, array + 1)
        assert after.header.dmax == (array + 1).max()
    assert mrcfile.validate(tmp_path / "b.mrc", print_file=io.StringIO())


def test_a_file_of_another_type_keeps_all_but_the_mode(tmp_path, picture):
    array = picture((5, 20, 30), "int16")
    rich(tmp_path / "a.mrc", array, ">")
    write(tmp_path / "b.mrc", open_image(tmp_path / "a.mrc"), array.astype("float32") / 7)
    with mrcfile.open(tmp_path / "a.mrc") as before, mrcfile.open(tmp_path / "b.mrc") as after:
        assert after.header.mode == 2
        assert after.header.origin.tobytes() == before.header.origin.tobytes()
        np.testing.assert_array_equal(after.data, array.astype("float32") / 7)


def test_other_formats_tell_what_they_do_not_keep(tmp_path, picture):
    rich(tmp_path / "a.mrc", picture((5, 20, 30), "int16"))
    expected = (
        "2 labels, origin, start in a larger volume, cell larger than the image, cell angles, space group 19, "
        "data of each section (extended header SERI), "
    )
    upwards = "that rows go upwards (IMOD and Fiji show the result upside down)"
    expected += upwards
    assert copy(tmp_path / "a.mrc", tmp_path / "b.npy").notes[-1] == f"not kept by NPY: {expected}"
    write_array(tmp_path / "c.mrc", picture((5, 20, 30), "int16"))
    assert copy(tmp_path / "c.mrc", tmp_path / "c.npy").notes == [f"not kept by NPY: {upwards}"]
    assert copy(tmp_path / "c.npy", tmp_path / "d.mrc").notes == [UPWARDS]
    assert copy(tmp_path / "c.mrc", tmp_path / "e.mrc").notes == []


@pytest.mark.parametrize("count", [0, 1, 99, -5])
def test_labels_are_what_has_a_text_whatever_their_count_says(tmp_path, picture, count):
    array = picture((20, 30), "int16")
    make(tmp_path / "a.mrc", array)
    with mrcfile.open(tmp_path / "a.mrc", "r+") as file:
        file.add_label("acquired")
        before = [label.strip() for label in file.get_labels()]
        file.header.nlabl = count
    writer = write(tmp_path / "b.mrc", open_image(tmp_path / "a.mrc"), array, history="denoised")
    assert writer.notes == []
    with mrcfile.open(tmp_path / "b.mrc") as made:
        assert [label.strip() for label in made.get_labels()] == [*before, "denoised"]


def test_the_last_of_ten_labels_gives_way(tmp_path, picture):
    make(tmp_path / "a.mrc", picture((20, 30), "int16"))
    with mrcfile.open(tmp_path / "a.mrc", "r+") as file:
        for number in range(1, 10):
            file.add_label(f"step {number}")
    writer = write(tmp_path / "b.mrc", open_image(tmp_path / "a.mrc"), picture((20, 30), "int16"), history="new")
    assert writer.notes == ['not kept: the last of ten labels, "step 9", whose place the history takes']
    with mrcfile.open(tmp_path / "b.mrc") as made:
        assert [label.strip() for label in made.get_labels()[1:]] == [*(f"step {n}" for n in range(1, 9)), "new"]


def test_a_long_history_becomes_a_label_of_80_characters(tmp_path, picture):
    spec = OutputSpec(str(tmp_path / "a.mrc"), "YX", (20, 30), np.dtype("int16"), history="σ" + "x" * 100)
    with Writer(spec) as writer:
        writer.write(0, picture((20, 30), "int16"))
    with mrcfile.open(tmp_path / "a.mrc") as made:
        assert made.get_labels() == ["?" + "x" * 79]


def part(path, target, z=slice(None), y=slice(None), x=slice(None)):
    """Write a region of a file, as if it alone had been denoised; return the notes."""
    image = open_image(path)
    region = [each.indices(size) for each, size in zip((z, y, x), image.shape, strict=True)]
    whole = np.stack([plane.read() for plane in image.planes])
    offset = {axis: start for axis, (start, _, _) in zip("ZYX", region, strict=True)}
    return write(target, image, np.ascontiguousarray(whole[z, y, x]), offset=offset).notes


@pytest.mark.parametrize(
    ("nversion", "stamp", "flags", "sign"),
    [(20141, 0, 0, 1), (20140, IMOD, 4, 1), (0, IMOD, 4, 1), (0, IMOD, 0, -1), (0, 0, 0, 1)],
)
def test_the_start_and_the_origin_of_a_region_move(tmp_path, picture, nversion, stamp, flags, sign):
    array = picture((5, 20, 30), "int16")
    rich(tmp_path / "a.mrc", array)
    change(tmp_path / "a.mrc", nversion=nversion, stamp=stamp, flags=flags)
    assert part(tmp_path / "a.mrc", tmp_path / "b.mrc", slice(2, 4), slice(5, 15), slice(3, 30)) == []
    with mrcfile.open(tmp_path / "b.mrc") as made:
        np.testing.assert_array_equal(made.data, array[2:4, 5:15, 3:])
        assert made.nstart.item() == (14, 27, 35)
        assert made.header.origin.item() == (100 + sign * 3 * 3.5, 200 + sign * 5 * 4.0, -350 + sign * 2 * 7.0)
        assert (made.header.mx, made.header.my, made.header.mz) == (200, 100, 50)
        assert made.voxel_size.item() == (3.5, 4.0, 7.0)
        assert made.extended_header.tobytes() == np.arange(8, 16, dtype="<i2").tobytes().ljust(40, b"\0")


def test_a_cell_that_was_the_image_is_that_of_the_region(tmp_path, picture):
    make(tmp_path / "a.mrc", picture((5, 20, 30), "int16"), (3.5, 4.0, 7.0))
    part(tmp_path / "a.mrc", tmp_path / "b.mrc", slice(2, 4), slice(5, 15), slice(3, 30))
    with mrcfile.open(tmp_path / "b.mrc") as made:
        assert (made.header.mx, made.header.my, made.header.mz) == (27, 10, 2)
        assert made.header.cella.item() == (27 * 3.5, 40.0, 14.0)
        assert made.nstart.item() == (3, 5, 2)
        assert made.header.origin.item() == (0, 0, 0)  # none was given


def test_an_origin_in_pixels_of_unknown_size_is_told(tmp_path, picture):
    make(tmp_path / "a.mrc", picture((5, 20, 30), "int16"))
    with mrcfile.open(tmp_path / "a.mrc", "r+") as file:
        file.header.origin = (1.0, 2.0, 3.0)
    notes = part(tmp_path / "a.mrc", tmp_path / "b.mrc", x=slice(3, 30))
    assert notes == ["not kept: the origin along X, as the pixel size is not known"]


def extended_headers():
    fei = np.zeros(5, mrcfile.dtypes.get_ext_header_dtype(b"FEI1", "<"))
    fei["Metadata size"], fei["Alpha tilt"] = fei.dtype.itemsize, np.arange(5)
    rows = np.arange(5, dtype="<i4")[:, None].repeat(32, 1)
    return {
        "FEI1": (b"FEI1", fei.tobytes(), 0, 0, fei[2:4].tobytes()),
        "SERI": (b"SERI", rows.tobytes() + bytes(384), 128, 1, rows[2:4].tobytes()),
        "AGAR": (b"AGAR", rows.tobytes(), 2, 30, rows[2:4].tobytes()),
        "AGAR of FEI": (b"AGAR", rows.tobytes(), 128, 32, rows[2:4].tobytes()),
        "SERI of unknown size": (b"SERI", rows.tobytes(), 0, 0, None),
        "SERI that is too short": (b"SERI", rows.tobytes(), 1000, 1, None),
        "unknown": (b"", rows.tobytes(), 0, 0, None),
        "symmetry": (b"CCP4", b"X,Y,Z".ljust(80), 0, 0, b"X,Y,Z".ljust(80)),
    }


@pytest.mark.parametrize("name", extended_headers())
def test_of_the_extended_header_the_sections_that_are_written_are_kept(tmp_path, picture, name):
    kind, data, integers, reals, expected = extended_headers()[name]
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(picture((5, 20, 30), "int16"))
        file.set_extended_header(np.frombuffer(data, "V1"))
        file.header.exttyp = kind
    change(tmp_path / "a.mrc", integers=integers, reals=reals)
    notes = part(tmp_path / "a.mrc", tmp_path / "b.mrc", z=slice(2, 4))
    with mrcfile.open(tmp_path / "b.mrc") as made:
        if expected is None:
            assert [note.partition(" (")[0] for note in notes] == ["not kept: the extended header"]
            assert (made.header.nsymbt, made.header.exttyp.item()) == (0, b"")
        else:
            assert notes == []
            assert made.extended_header.tobytes() == expected.ljust(len(data), b"\0")
            assert name != "FEI1" or list(made.indexed_extended_header["Alpha tilt"]) == [2, 3]
    assert part(tmp_path / "a.mrc", tmp_path / "c.mrc", x=slice(2, 30)) == []
    with mrcfile.open(tmp_path / "c.mrc") as made:
        assert made.extended_header.tobytes() == data  # all sections are there


def position(file, index):
    """Where mrcfile's pixel [section, row, column] is: X, Y, Z in ångström, from the starts and from the origin."""
    along = dict(zip((int(file.header[f"map{end}"]) for end in "src"), index, strict=True))
    starts = dict(zip((int(file.header[f"map{end}"]) for end in "crs"), file.nstart.item(), strict=True))
    voxel, origin = file.voxel_size.item(), file.header.origin.item()
    return tuple(
        ((starts[axis + 1] + along[axis + 1]) * voxel[axis], origin[axis] + along[axis + 1] * voxel[axis])
        for axis in range(3)
    )


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_axes_are_what_the_header_says(tmp_path, picture, pixels, order):
    """`order` is mapc, mapr, maps."""
    sizes = {1: 20, 2: 24, 3: 28}
    array = picture([sizes[axis] for axis in reversed(order)], "int16")
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(array)
        file.header.mapc, file.header.mapr, file.header.maps = order
        file.header.mx, file.header.my, file.header.mz = sizes.values()
        file.header.cella = (200.0, 480.0, 840.0)
        file.header.origin = (7.0, 8.0, 9.0)
        file.header.nxstart, file.header.nystart, file.header.nzstart = 1, 2, 3
    image = open_image(tmp_path / "a.mrc")
    assert (image.axes, image.shape) == ("ZYX", (28, 24, 20))
    assert image.pixel_size == PixelSize({"Z": 30.0, "Y": 20.0, "X": 10.0}, "Å")
    np.testing.assert_array_equal(pixels(image), array.transpose([2 - order.index(axis) for axis in (3, 2, 1)]))

    copy(tmp_path / "a.mrc", tmp_path / "b.mrc")
    with mrcfile.open(tmp_path / "a.mrc") as before, mrcfile.open(tmp_path / "b.mrc") as after:
        assert after.header.tobytes() == before.header.tobytes()
        np.testing.assert_array_equal(after.data, array)

    part(tmp_path / "a.mrc", tmp_path / "c.mrc", slice(4, 20), slice(3, 20), slice(1, 20))
    first = {3: 4, 2: 3, 1: 1}
    with mrcfile.open(tmp_path / "a.mrc") as before, mrcfile.open(tmp_path / "c.mrc") as after:
        index = (5, 7, 9)
        same = tuple(at + first[axis] for at, axis in zip(index, reversed(order), strict=True))
        assert after.data[index] == before.data[same]
        np.testing.assert_allclose(position(after, index), position(before, same))
        assert mrcfile.validate(tmp_path / "c.mrc", print_file=io.StringIO())


def test_a_section_whose_rows_are_x_is_turned(tmp_path, picture, pixels):
    make(tmp_path / "a.mrc", picture((20, 30), "int16"))
    change(tmp_path / "a.mrc", mapc=2, mapr=1, maps=3)
    image = open_image(tmp_path / "a.mrc")
    assert (image.axes, image.shape) == ("YX", (30, 20))
    np.testing.assert_array_equal(pixels(image), picture((20, 30), "int16").T)


def test_axes_that_no_one_named_are_in_the_usual_order(tmp_path, picture):
    make(tmp_path / "a.mrc", picture((5, 20, 30), "int16"))
    change(tmp_path / "a.mrc", mapc=0, mapr=0, maps=0)
    assert open_image(tmp_path / "a.mrc").shape == (5, 20, 30)


@pytest.mark.parametrize("order", ["<", ">"])
def test_imods_unsigned_bytes_stay_such_in_a_result(tmp_path, pixels, order):
    array = np.arange(600, dtype="uint8").reshape(20, 30)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(np.zeros((20, 30), f"{order}i2"))
    data = (tmp_path / "a.mrc").read_bytes()[:1024] + array.tobytes()
    (tmp_path / "a.mrc").write_bytes(data)
    change(tmp_path / "a.mrc", mode=0, stamp=IMOD, flags=4, nversion=0)
    writer = copy(tmp_path / "a.mrc", tmp_path / "b.mrc")
    assert writer.notes == []
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "b.mrc")), array)
    made = Header((tmp_path / "b.mrc").read_bytes()[:1024])
    assert (made.fields["mode"], made.imod["stamp"], made.imod["flags"]) == (0, IMOD, 4)
    assert (made.fields["dmin"], made.fields["dmax"]) == (0, 255)
    write(tmp_path / "c.mrc", open_image(tmp_path / "a.mrc"), array.astype("int8"))
    assert Header((tmp_path / "c.mrc").read_bytes()[:1024]).imod["flags"] == 5
    assert open_image(tmp_path / "c.mrc").dtype == "int8"


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (0, 255, "uint8"),
        (3, 128, "uint8"),
        (0, 127, "int8"),  # the same in both
        (-128, 127, "int8"),
        (-1, 200, "int8"),
        (0, -1, "int8"),  # not computed
        (0, 3000, "int8"),  # those of the pixels before they became bytes
    ],
)
def test_bytes_without_a_flag_are_signed_unless_the_header_proves_the_opposite(tmp_path, low, high, dtype):
    make(tmp_path / "a.mrc", np.zeros((20, 30), "int8"))
    change(tmp_path / "a.mrc", dmin=low, dmax=high)
    assert open_image(tmp_path / "a.mrc").dtype == dtype
    writer = copy(tmp_path / "a.mrc", tmp_path / "b.mrc")
    assert len(writer.notes) == (dtype == "uint8")  # no flag: they become uint16
    assert open_image(tmp_path / "b.mrc").dtype == ("uint16" if dtype == "uint8" else "int8")


@pytest.mark.parametrize("name", ["a.st", "a.ali", "a.preali", "a.rec", "a.map", "a.ccp4", "a.mrcs", "a.MRC"])
def test_other_names(tmp_path, picture, pixels, name):
    make(tmp_path / "b.mrc", picture((3, 20, 30), "int16"))
    (tmp_path / "b.mrc").rename(tmp_path / name)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / name)), picture((3, 20, 30), "int16"))


PACKED = ["a.mrc.gz", "a.map.gz", "a.rec.gz", "a.mrc.bz2", "a.map.bz2", "a.rec.bz2"]


@pytest.mark.parametrize("name", [*PACKED, "a.mrc"])  # what was compressed may have any name
def test_compressed_files_are_read(tmp_path, picture, pixels, name):
    array = picture((5, 20, 30), "int16")
    rich(tmp_path / "plain.mrc", array)
    pack = bz2.compress if name.endswith(".bz2") else gzip.compress
    (tmp_path / name).write_bytes(pack((tmp_path / "plain.mrc").read_bytes()))
    image, plain = open_image(tmp_path / name), open_image(tmp_path / "plain.mrc")
    np.testing.assert_array_equal(pixels(image), array)
    assert isinstance(image.planes[1].read(), np.memmap)  # of a copy: the memory holds no more than a plane
    assert (image.pixel_size, image.style) == (plain.pixel_size, plain.style)
    image.close()
    np.testing.assert_array_equal(pixels(image), array)


@pytest.mark.parametrize("name", PACKED[2:4])
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.98])
def test_a_truncated_compressed_file_is_named(tmp_path, picture, name, kept):
    make(tmp_path / "plain.mrc", np.random.default_rng(0).normal(size=(5, 40, 50)).astype("float32"))
    pack = bz2.compress if name.endswith(".bz2") else gzip.compress
    data = pack((tmp_path / "plain.mrc").read_bytes())
    (tmp_path / name).write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError, match=rf"{name}.*again"):
        open_image(tmp_path / name).planes[0].read()
    (tmp_path / name).write_bytes(pack((tmp_path / "plain.mrc").read_bytes()[:-1]))
    with pytest.raises(InputError, match=rf"{name}.*cut off \(41,023 of 41,024 bytes\)"):
        open_image(tmp_path / name).planes[0].read()


def test_no_room_for_the_uncompressed_copy(tmp_path, picture, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    make(tmp_path / "a.mrc", picture((20, 30), "int16"))
    (tmp_path / "a.mrc.gz").write_bytes(gzip.compress((tmp_path / "a.mrc").read_bytes()))
    image = open_image(tmp_path / "a.mrc.gz")
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(RunError, match=r"disk full while writing the uncompressed copy of \S*a\.mrc\.gz in /"):
        image.planes[0].read()


def test_results_are_not_compressed(tmp_path, picture):
    with pytest.raises(InputError, match=r"b\.mrc\.gz: compressed MRC is only read; write \.mrc instead"):
        write_array(tmp_path / "b.mrc.gz", picture((20, 30), "int16"))
    assert list(tmp_path.iterdir()) == []
    make(tmp_path / "plain.mrc", picture((20, 30), "int16"))
    (tmp_path / "a.map.bz2").write_bytes(bz2.compress((tmp_path / "plain.mrc").read_bytes()))
    assert output_paths(open_source(tmp_path / "a.map.bz2"), tmp_path / "out") == [tmp_path / "out" / "a.map"]


@pytest.mark.parametrize("columns", [29, 30])
def test_four_bit_pixels_become_bytes(tmp_path, pixels, columns):
    array = np.random.default_rng(0).integers(0, 16, (3, 20, columns)).astype("uint8")
    padded = np.pad(array, ((0, 0), (0, 0), (0, columns % 2)))
    make(tmp_path / "a.mrc", array.view("int8"), 2.0)
    change(tmp_path / "a.mrc", mode=101)
    header = (tmp_path / "a.mrc").read_bytes()[:1024]
    (tmp_path / "a.mrc").write_bytes(header + (padded[..., ::2] | padded[..., 1::2] << 4).tobytes())
    image = open_image(tmp_path / "a.mrc")
    assert (image.dtype, image.pixel_size.values["X"]) == ("uint8", 2.0)
    np.testing.assert_array_equal(pixels(image), array)
    assert copy(tmp_path / "a.mrc", tmp_path / "b.mrc").notes[0].startswith("MRC has no unsigned 8-bit mode")
    change(tmp_path / "a.mrc", stamp=IMOD)
    writer = copy(tmp_path / "a.mrc", tmp_path / "c.mrc")
    assert writer.notes == ["4-bit pixels (mode 101) are stored as bytes, values unchanged"]
    for name, dtype in {"b.mrc": "uint16", "c.mrc": "uint8"}.items():
        assert open_image(tmp_path / name).dtype == dtype
        np.testing.assert_array_equal(pixels(open_image(tmp_path / name)), array)
    (tmp_path / "a.mrc").write_bytes((tmp_path / "a.mrc").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"a\.mrc: is cut off"):
        open_image(tmp_path / "a.mrc")


def test_four_bit_pixels_that_are_counted_in_pairs(tmp_path, pixels):
    array = np.random.default_rng(0).integers(0, 16, (20, 30)).astype("uint8")
    make(tmp_path / "a.mrc", (array[:, ::2] | array[:, 1::2] << 4).view("int8"), (4.0, 2.0, 2.0))
    data = bytearray((tmp_path / "a.mrc").read_bytes())
    data[152:160] = np.array([IMOD, 16], "<i4").tobytes()
    (tmp_path / "a.mrc").write_bytes(data)
    image = open_image(tmp_path / "a.mrc")
    assert (image.shape, image.pixel_size.values) == ((20, 30), {"Y": 2.0, "X": 4.0})
    np.testing.assert_array_equal(pixels(image), array)
    copy(tmp_path / "a.mrc", tmp_path / "b.mrc")
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "b.mrc")), array)


@given(
    st.integers(1, 9).flatmap(lambda columns: arrays.arrays(np.uint8, (2, columns), elements=st.integers(0, 15))),
    st.integers(0, 8),
    st.integers(1, 9),
)
def test_any_window_of_four_bit_pixels(array, start, length):
    columns = array.shape[1]
    start = min(start, columns - 1)
    stop = min(start + length, columns)
    padded = np.pad(array, ((0, 0), (0, columns % 2)))
    packed = FourBitPixels(padded[:, ::2] | padded[:, 1::2] << 4, columns)
    np.testing.assert_array_equal(packed[slice(0, 2), slice(start, stop)], array[:, start:stop])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mode": 3}, "has MRC mode 3, a Fourier transform, which is not a grey image; give the image that .* from$"),
        ({"mode": 16}, "has MRC mode 16, colour, .*; convert it to grey$"),
        ({"mode": 7}, r"has MRC mode 7, which is unknown; convert it to mode 2 \(float32\)$"),
        ({"map": b"JPG "}, 'has no "MAP" in its header'),
        ({"nx": 0}, r"has the impossible size \(0, 20, 5\)"),
        ({"nsymbt": -4}, "has the impossible size"),
        ({"mapc": 2}, r"names its axes \(2, 2, 3\)"),
        ({"maps": -3}, r"names its axes \(1, 2, -3\)"),
        ({"ispg": 401, "mz": 0}, "is a stack of volumes, but 5 sections .* no whole volumes of 0"),
        ({"ispg": 401, "mz": 2}, "is a stack of volumes, but 5 sections .* no whole volumes of 2"),
        ({"ispg": 401, "mapc": 3, "maps": 1}, "is a stack of volumes, but .* axes ZYX"),
        ({"nsymbt": 49920}, r"lacks the extended header of 49,920 bytes"),
        ({"nx": 31}, r"is cut off \(7,024 of 7,224 bytes\)"),
    ],
)
def test_a_header_that_is_wrong_is_refused_in_one_line(tmp_path, picture, fields, said):
    make(tmp_path / "a.mrc", picture((5, 20, 30), "int16"))
    change(tmp_path / "a.mrc", **fields)
    with pytest.raises(InputError, match=rf"^\S*a\.mrc: {said}") as caught:
        open_image(tmp_path / "a.mrc")
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    path = tmp_path_factory.mktemp("valid") / "valid.mrc"
    make(path, np.zeros((5, 20, 30), "int16"), 2.0)
    return path


def use(path):
    """Read a plane, and describe a result for it and for a region; return the reason why it is refused, if it is."""
    try:
        image = open_image(path)
        image.planes[0].read()
    except InputError as problem:
        return str(problem)
    for shape in (image.shape, (*image.shape[:-1], 10)):
        spec = OutputSpec("b.mrc", image.axes, shape, np.dtype("int16"), image.pixel_size, image.style, history="new")
        result = describe(spec)
        assert math.prod(result.header.shape) == math.prod(shape)
        assert result.layout.axes == image.axes
    return None


WORDS = st.tuples(st.integers(0, 55), st.integers(-3, 700) | st.integers(-(2**31), 2**31 - 1))


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_a_damaged_header_gives_an_image_or_one_line(valid, words):
    data = np.fromfile(valid, "<i4")
    for at, value in words:
        data[at] = value
    path = valid.with_name("damaged.mrc")
    data.tofile(path)
    refused = use(path)
    assert refused is None or ("\n" not in refused and "cannot be read" not in refused)  # it says what is wrong


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_missing_machine_stamp_is_guessed_from_the_size(tmp_path, picture, pixels, order):
    array = picture((5, 20, 30), "int16")
    make(tmp_path / "a.mrc", array.astype(f"{order}i2"))
    data = bytearray((tmp_path / "a.mrc").read_bytes())
    data[212:216] = bytes(4)
    (tmp_path / "a.mrc").write_bytes(data)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.mrc")), array)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("stamp", [b"\0\0\0\0", b"\x44\x44\0\0", b"\x44\x41\0\0", b"\x11\x11\0\0"])
@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
def test_a_wrong_machine_stamp_is_seen_through_and_not_written_again(tmp_path, picture, pixels, order, stamp, dtype):
    array = picture((5, 20, 30), dtype)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(array.astype(np.dtype(dtype).newbyteorder(order)))
    data = bytearray((tmp_path / "a.mrc").read_bytes())
    if dtype == "int8" and order == ">":  # mrcfile writes the order of the machine, as bytes have none
        words = np.frombuffer(bytes(data[:1024]), "<i4").astype(">i4").tobytes()
        data[:104], data[108:208] = words[:104], words[108:208]
    data[212:216] = stamp
    (tmp_path / "a.mrc").write_bytes(data)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.mrc")), array)
    copy(tmp_path / "a.mrc", tmp_path / "b.mrc")
    with mrcfile.open(tmp_path / "b.mrc") as made:
        np.testing.assert_array_equal(made.data, array)
    written = (tmp_path / "b.mrc").read_bytes()[212:216]
    assert written[:2] == ((stamp[:2] if stamp[0] == 0x44 else b"\x44\x44") if order == "<" else b"\x11\x11")


def test_bytes_after_the_pixels_are_no_one_s_business(tmp_path, picture, pixels, recwarn):
    make(tmp_path / "a.mrc", picture((5, 20, 30), "int16"))
    with (tmp_path / "a.mrc").open("ab") as file:
        file.write(bytes(100))
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.mrc")), picture((5, 20, 30), "int16"))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("cell", "intervals", "expected"),
    [
        ((60, 60, 20), (30, 20, 5), {"Z": 4.0, "Y": 3.0, "X": 2.0}),
        ((60, 60, 20), (300, 200, 50), {"Z": 0.4, "Y": 0.3, "X": 0.2}),  # a part of the cell
        ((60, 60, 0), (30, 20, 5), {"Y": 3.0, "X": 2.0}),
        ((60, 0, 20), (30, 20, 5), None),
        ((60, 60, 20), (0, 20, 5), None),
        ((np.inf, 60, 20), (30, 20, 5), None),
        ((np.nan, 60, 20), (30, 20, 5), None),
        ((-60, 60, 20), (30, 20, 5), None),
    ],
)
def test_the_pixel_size_is_the_cell_over_its_intervals_and_nothing_is_made_up(
    tmp_path, picture, cell, intervals, expected
):
    make(tmp_path / "a.mrc", picture((5, 20, 30), "int16"))
    change(tmp_path / "a.mrc", cella=cell, mx=intervals[0], my=intervals[1], mz=intervals[2])
    size = open_image(tmp_path / "a.mrc").pixel_size
    assert (size and size.values) == expected
    copy(tmp_path / "a.mrc", tmp_path / "b.mrc")
    assert (tmp_path / "b.mrc").read_bytes()[28:52] == (tmp_path / "a.mrc").read_bytes()[28:52]


@pytest.mark.parametrize(
    ("axes", "shape", "kind"),
    [
        ("YX", (20, 30), "single_image"),
        ("ZYX", (5, 20, 30), "volume"),
        ("TYX", (5, 20, 30), "image_stack"),
        ("TZYX", (2, 5, 20, 30), "volume_stack"),
    ],
)
def test_a_new_file_is_valid_and_of_its_kind(tmp_path, picture, axes, shape, kind):
    size = PixelSize({axis: 3.5 for axis in axes if axis != "T"}, "nm")
    spec = OutputSpec(str(tmp_path / "a.mrc"), axes, shape, np.dtype("int16"), size, history="made by a test")
    array = picture(shape, "int16")
    with Writer(spec) as writer:
        for number, plane in enumerate(array.reshape(-1, 20, 30)):
            writer.write(number, plane)
    no_time = ["MRC has no time axis: the planes are stored as sections"] if axes == "TYX" else []
    assert writer.notes == [*no_time, UPWARDS]
    assert mrcfile.validate(tmp_path / "a.mrc", print_file=io.StringIO())
    with mrcfile.open(tmp_path / "a.mrc") as made:
        assert getattr(made, f"is_{kind}")()
        assert made.voxel_size.item() == (35, 35, 35 if "Z" in axes else 0)
        assert made.get_labels()[0].strip() == "made by a test"
        np.testing.assert_array_equal(made.data, array)


def test_a_part_of_a_stack_of_volumes(tmp_path, picture):
    array = picture((3, 4, 20, 30), "int16")
    make(tmp_path / "a.mrc", array)
    with mrcfile.open(tmp_path / "a.mrc", "r+") as file:
        file.set_extended_header(np.arange(12, dtype="<i2"))
        file.header.exttyp = b"SERI"
    change(tmp_path / "a.mrc", integers=2, reals=1)
    image = open_image(tmp_path / "a.mrc")
    write(tmp_path / "b.mrc", image, array[1:, 1:3].copy(), offset={"T": 1, "Z": 1})
    with mrcfile.open(tmp_path / "b.mrc") as made:
        np.testing.assert_array_equal(made.data, array[1:, 1:3])
        expected = np.arange(12, dtype="<i2").reshape(3, 4)[1:, 1:3].tobytes()
        assert made.extended_header.tobytes() == expected.ljust(24, b"\0")
        assert made.nstart.item() == (0, 0, 1)


@pytest.mark.parametrize("stack", [False, True])
def test_one_section_of_a_stack(tmp_path, picture, pixels, stack):
    array = picture((5, 20, 30), "int16")
    make(tmp_path / "a.mrc", array, stack=stack)
    part(tmp_path / "a.mrc", tmp_path / "b.mrc", z=slice(3, 4))
    image = open_image(tmp_path / "b.mrc")
    assert image.shape == ((20, 30) if stack else (1, 20, 30))
    np.testing.assert_array_equal(pixels(image), array[3].reshape(image.shape))


def test_a_result_of_other_axes_tells_what_it_does_not_keep(tmp_path, picture):
    rich(tmp_path / "a.mrc", picture((5, 20, 30), "int16"))
    style = open_image(tmp_path / "a.mrc").style
    spec = OutputSpec(str(tmp_path / "b.mrc"), "YX", (20, 30), np.dtype("int16"), style=style)
    with Writer(spec) as writer:
        writer.write(0, picture((20, 30), "int16"))
    assert writer.notes[0].startswith("not kept, as the axes are others: 2 labels, origin")
