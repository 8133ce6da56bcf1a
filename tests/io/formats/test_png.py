from __future__ import annotations

import logging
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from pellucid.errors import InputError
from pellucid.io.formats import png as module
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import Writer, create_image, write_array


def test_sixteen_bits_are_read_by_another_library_alike(tmp_path):
    array = np.random.default_rng(0).integers(0, 65536, (20, 30), "uint16")
    write_array(tmp_path / "a.png", array)
    with Pillow.open(tmp_path / "a.png") as file:
        np.testing.assert_array_equal(np.asarray(file), array)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("samples", [2, 3, 4])
def test_grey_saved_as_colour_is_grey_without_its_alpha(tmp_path, pixels, dtype, samples):
    grey = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (20, 30), dtype)
    block = np.stack([grey] * samples, -1)
    if samples in (2, 4):
        block[..., -1] = np.iinfo(dtype).max
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(block))
    image = open_image(tmp_path / "a.png")
    assert (image.axes, image.dtype) == ("YX", dtype)
    np.testing.assert_array_equal(pixels(image), grey)


def test_colour_is_refused(tmp_path, picture):
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(picture((20, 30, 3))))
    with pytest.raises(InputError, match=r"a\.png: is a colour image"):
        open_image(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["1", "P"])
def test_one_bit_and_palettes_of_grey_are_eight_bit_grey(tmp_path, mode):
    array = np.tile(np.array([[0, 255]], "uint8"), (20, 15))
    Pillow.fromarray(array).convert(mode).save(tmp_path / "a.png")
    image = open_image(tmp_path / "a.png")
    assert image.dtype == "uint8"
    np.testing.assert_array_equal(image.planes[0].read(), array)


def interlaced(array, depth=8, colour=0, chunks=()):
    """An interlaced file of bytes or words, (Y, X) or (Y, X, samples)."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(b"\0" + row.tobytes() for top, left, down, right in passes for row in array[top::down, left::right])
    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], depth, colour, 0, 0, 1)
    named = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    parts = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
             for name, data in named)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "alpha", "colour", "palette"])
def test_interlaced_files_are_read_without_a_word_of_the_library(tmp_path, pixels, capsys, monkeypatch, kind):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # those of pytest, which catch what would be printed
    dtype = "uint16" if kind == "uint16" else "uint8"
    grey = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (21, 30), dtype)
    opaque = np.full_like(grey, 255)
    inverted = np.repeat(np.arange(255, -1, -1, dtype="uint8"), 3).tobytes()
    (tmp_path / "a.png").write_bytes(
        {
            "uint8": lambda: interlaced(grey),
            "uint16": lambda: interlaced(grey.astype(">u2"), 16),
            "alpha": lambda: interlaced(np.stack([grey, opaque], -1), colour=4),
            "colour": lambda: interlaced(np.stack([grey] * 3, -1), colour=2),
            "palette": lambda: interlaced(255 - grey, colour=3, chunks=((b"PLTE", inverted),)),
        }[kind]()
    )
    image = open_image(tmp_path / "a.png")
    assert (image.axes, image.dtype) == ("YX", dtype)
    np.testing.assert_array_equal(pixels(image), grey)
    assert capsys.readouterr().err == ""


def test_bytes_after_the_end_are_no_one_s_business(tmp_path, picture, pixels):
    write_array(tmp_path / "a.png", picture((20, 30)))
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data + bytes(50))
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.png")), picture((20, 30)))


@pytest.mark.parametrize("missing", [12, 13, 100])
def test_a_file_that_is_cut_off_is_refused_whatever_follows(tmp_path, picture, missing):
    write_array(tmp_path / "a.png", picture((20, 30)))
    data = (tmp_path / "a.png").read_bytes()
    for rest in (b"", bytes(7)):
        (tmp_path / "a.png").write_bytes(data[:-missing] + rest)
        with pytest.raises(InputError, match=r"a\.png: is cut off before its end"):
            open_image(tmp_path / "a.png")


def test_a_screens_resolution_is_no_pixel_size(tmp_path, picture):
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "a.png", dpi=(96, 96))
    assert open_image(tmp_path / "a.png").pixel_size is None


def test_pixel_size_is_stored_in_pixels_a_metre(tmp_path, picture):
    write_array(tmp_path / "a.png", picture((20, 30)), pixel_size=PixelSize({"Y": 0.02, "X": 0.01}, "µm"))
    data = (tmp_path / "a.png").read_bytes()
    at = data.index(b"pHYs") + 4
    assert struct.unpack(">IIB", data[at : at + 9]) == (10**8, 5 * 10**7, 1)
    with Pillow.open(tmp_path / "a.png") as file:
        file.load()  # checks the sum of every chunk


def test_sizes_that_the_format_cannot_hold_are_left_out_and_it_is_said(tmp_path, picture):
    for name, unit in {"a.png": "Å", "b.png": "mm"}.items():
        size = PixelSize({"Y": 0.03, "X": 0.03}, unit)
        spec = OutputSpec(str(tmp_path / name), "YX", (20, 30), np.dtype("uint8"), size)
        with Writer(spec) as writer:
            writer.write(0, picture((20, 30)))
        assert writer.notes == [f"PNG cannot hold the pixel size (0.03 × 0.03 {unit}): it is not stored"]
        assert open_image(tmp_path / name).pixel_size is None


def palette_png(path, array, palette):
    image = Pillow.fromarray(array, "L")
    image = image.convert("P") if image.mode != "P" else image
    image.putpalette(palette.astype(np.uint8).tobytes())
    image.putdata(array.ravel().tolist())
    image.save(path)


def test_an_inverted_palette_is_read_as_it_is_shown_and_a_coloured_one_is_refused(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (20, 30), "uint8")
    inverted = np.repeat(np.arange(255, -1, -1)[:, None], 3, 1)
    palette_png(tmp_path / "inverted.png", array, inverted)
    np.testing.assert_array_equal(open_image(tmp_path / "inverted.png").planes[0].read(), 255 - array)
    palette_png(tmp_path / "red.png", array, inverted * [1, 0, 0])
    with pytest.raises(InputError, match=r"red\.png: is a colour image"):
        open_image(tmp_path / "red.png")


def test_texts_gamma_and_orientation_are_kept(tmp_path, picture):
    info, exif = PngInfo(), Pillow.Exif()
    info.add_text("Comment", "EHT = 1.5 kV")
    info.add_itxt("Author", "M. Müller")
    info.add(b"gAMA", struct.pack(">I", 45455))
    exif[0x0112] = 6
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "a.png", pnginfo=info, exif=exif)
    image = open_image(tmp_path / "a.png")
    assert image.style.annotations == ("texts", "gamma", "Exif")
    spec = OutputSpec("b.png", "YX", image.shape, image.dtype, style=image.style, history="denoised with Pellucid")
    writer = module.create(tmp_path / "b.png", spec)
    writer.array[:] = image.planes[0].read()
    writer.finish()
    assert writer.notes == []
    with Pillow.open(tmp_path / "b.png") as made:
        made.load()
        assert made.text == {"Comment": "EHT = 1.5 kV", "Author": "M. Müller", "Software": "denoised with Pellucid"}
        assert made.info["gamma"] == pytest.approx(0.45455)
        assert made.getexif()[0x0112] == 6


def test_alpha_and_further_frames_are_told(tmp_path, picture):
    grey = picture((20, 30))
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.stack([grey, grey], -1)))
    frames = [Pillow.fromarray(picture((20, 30), seed=seed)) for seed in range(3)]
    frames[0].save(tmp_path / "b.png", save_all=True, append_images=frames[1:])
    for name, lost in {"a": "alpha", "b": "the frames after the first"}.items():
        image = open_image(tmp_path / f"{name}.png")
        with create_image(tmp_path / f"{name}2.png", image) as writer:
            writer.write(0, image.planes[0].read())
        assert writer.notes == [f"not kept: {lost}"]


def test_chunks_that_are_not_copied_are_told(tmp_path):
    array = np.zeros((20, 30), np.uint8)
    Pillow.fromarray(array).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    more = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in ((b"sBIT", b"\x07"), (b"bKGD", b"\0\0"), (b"vpAg", bytes(9)))
    )
    (tmp_path / "a.png").write_bytes(data[:33] + more + data[33:])
    image = open_image(tmp_path / "a.png")
    assert image.style.annotations == ("other chunks: sBIT, vpAg",)
    with create_image(tmp_path / "b.png", image) as writer:
        writer.write(0, array)
    assert writer.notes == ["not kept: other chunks: sBIT, vpAg"]
