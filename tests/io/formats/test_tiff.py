from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile

from pellucid.errors import InputError
from pellucid.io.formats.tiff_tags import TiffStyle, choose_kind, write_options
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image, write_array


def copy(source, target, **options):
    image = open_image(source)
    with create_image(target, image, **options) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    return open_image(target)


def test_imagej_metadata_is_read_and_kept(tmp_path, picture, pixels):
    array = picture((2, 3, 4, 20, 30), "uint16")  # ImageJ's order: T, Z, C
    options = {"axes": "TZCYX", "spacing": 0.05, "unit": "micron"}
    tifffile.imwrite(tmp_path / "a.tif", array, imagej=True, resolution=(100, 50), metadata=options)
    image = open_image(tmp_path / "a.tif")
    assert image.axes == "TZCYX"
    assert image.pixel_size == PixelSize({"Z": 0.05, "Y": 0.02, "X": 0.01}, "µm")
    np.testing.assert_array_equal(pixels(image), array)
    assert image.planes[17].name.endswith("a.tif[1,1,1]")

    copy(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as made:
        assert made.is_imagej
        assert made.imagej_metadata["unit"] == "micron"
        assert made.imagej_metadata["spacing"] == 0.05
        assert made.imagej_metadata["channels"] == 4
        assert made.pages[0].tags["XResolution"].value == (100, 1)
        np.testing.assert_array_equal(made.asarray(), array)


@pytest.mark.parametrize("unit", ["\\u00B5m", "um", "micron", "µm"])
def test_all_spellings_of_a_micrometre(tmp_path, picture, unit):
    text = unit if unit.isascii() else "um"
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 20)), imagej=True, resolution=(4, 4), metadata={"unit": text})
    assert open_image(tmp_path / "a.tif").pixel_size == PixelSize({"Y": 0.25, "X": 0.25}, "µm")


def test_a_size_in_pixels_is_no_size(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 20)), imagej=True, resolution=(1, 1), metadata={"unit": "pixel"})
    assert open_image(tmp_path / "a.tif").pixel_size is None


def test_ome_metadata_is_read_and_kept(tmp_path, picture, pixels):
    array = picture((3, 2, 20, 30), "uint16")
    sizes = {"PhysicalSizeX": 4.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 4.0, "PhysicalSizeYUnit": "nm"}
    depth = {"PhysicalSizeZ": 0.03, "PhysicalSizeZUnit": "µm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", array, metadata={"axes": "CZYX", **sizes, **depth}, compression="zlib")
    image = open_image(tmp_path / "a.ome.tif")
    assert image.axes == "CZYX"
    assert image.pixel_size == PixelSize({"Z": 30.0, "Y": 4.0, "X": 4.0}, "nm")

    copy(tmp_path / "a.ome.tif", tmp_path / "b.ome.tif")
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as made:
        assert made.is_ome
        assert made.series[0].axes == "CZYX"
        pixels_tag = tifffile.xml2dict(made.ome_metadata)["OME"]["Image"]["Pixels"]
        assert (pixels_tag["PhysicalSizeX"], pixels_tag["PhysicalSizeXUnit"]) == (4.0, "nm")
        assert pixels_tag["PhysicalSizeZ"] == 30.0
        assert made.pages[0].compression.name == "ADOBE_DEFLATE"
        np.testing.assert_array_equal(made.asarray(), array)


@pytest.mark.parametrize(
    ("unit", "x_per_unit", "known"), [(3, 1e6, 10.0), (2, 2.54e6, 10.0), (2, 72, None), (1, 4, None)]
)
def test_resolution_tags_count_unless_they_are_a_printers(tmp_path, picture, unit, x_per_unit, known):
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 20)), resolution=(x_per_unit, x_per_unit), resolutionunit=unit)
    size = open_image(tmp_path / "a.tif").pixel_size
    assert size == (PixelSize({"Y": known, "X": known}, "nm") if known else None)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "packbits"])
@pytest.mark.parametrize("tile", [None, (64, 32)])
def test_compressed_pages_are_read_by_window_and_compressed_again(tmp_path, pixels, compression, tile):
    array = np.random.default_rng(0).normal(1000, 20, (3, 150, 210)).astype("uint16")
    predictor = compression != "packbits"
    options = {"tile": tile} if tile else {"rowsperstrip": 16}
    tifffile.imwrite(
        tmp_path / "a.tif", array, compression=compression, predictor=predictor, photometric="minisblack", **options
    )
    image = open_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels(image), array)
    for rows, columns in [
        (slice(0, 5), slice(0, 5)),
        (slice(60, 70), slice(20, 90)),
        (slice(140, 150), slice(200, 210)),
    ]:
        np.testing.assert_array_equal(image.planes[1][rows, columns], array[1, rows, columns])
    made = copy(tmp_path / "a.tif", tmp_path / "b.tif")
    np.testing.assert_array_equal(pixels(made), array)
    assert made.style == image.style
    assert made.style.compression == compression
    assert made.style.tile == tile


def test_a_small_window_decodes_only_the_strips_it_touches(tmp_path, monkeypatch):
    array = np.arange(160 * 40, dtype="uint16").reshape(160, 40)
    tifffile.imwrite(tmp_path / "a.tif", array, compression="zlib", rowsperstrip=10)
    image = open_image(tmp_path / "a.tif")
    read = []
    original = tifffile.tifffile.FileCache.read

    def counting(*args):
        read.append(args)
        return original(*args)

    monkeypatch.setattr(tifffile.tifffile.FileCache, "read", counting)
    np.testing.assert_array_equal(image.planes[0][25:33, 5:9], array[25:33, 5:9])
    assert len(read) == 2


def test_strips_without_data_are_zeros(tmp_path):
    array = np.ones((2, 160, 40), dtype="uint16")
    tifffile.imwrite(tmp_path / "a.tif", array, compression="zlib", rowsperstrip=10, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        counts = list(tif.pages[0].databytecounts)
        tif.pages[0].tags["StripByteCounts"].overwrite([0, *counts[1:]])
    image = open_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.planes[0][5:15, :3], np.repeat([0, 1], 5)[:, None] * np.ones(3))


def test_threads_read_windows_and_whole_planes_of_one_file(tmp_path):
    array = np.random.default_rng(0).integers(0, 9, (4, 200, 300), "uint16")
    tifffile.imwrite(tmp_path / "a.tif", array, compression="zlib", tile=(64, 64), photometric="minisblack")
    image = open_image(tmp_path / "a.tif")

    def check(number):
        plane, top = number % 4, number % 100
        np.testing.assert_array_equal(image.planes[plane][top : top + 50, 20:90], array[plane, top : top + 50, 20:90])
        np.testing.assert_array_equal(image.planes[plane].read(), array[plane])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(check, range(64)))


def test_an_uncompressed_stack_is_mapped(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture((3, 20, 20)), photometric="minisblack")
    assert isinstance(open_image(tmp_path / "a.tif").planes[2].read(), np.memmap)


def test_big_endian_and_bigtiff_come_in_native_order(tmp_path, picture, pixels):
    array = picture((3, 20, 30), "uint16")
    tifffile.imwrite(tmp_path / "a.tif", array, byteorder=">", bigtiff=True, photometric="minisblack")
    image = open_image(tmp_path / "a.tif")
    assert image.dtype.isnative
    assert image.planes[0].read().dtype.isnative
    np.testing.assert_array_equal(pixels(image), array)
    assert copy(tmp_path / "a.tif", tmp_path / "b.tif").style.big


def test_grey_saved_as_colour_is_grey_and_colour_is_refused(tmp_path, picture, pixels):
    grey = picture((20, 30))
    tifffile.imwrite(tmp_path / "grey.tif", np.stack([grey] * 3, -1), photometric="rgb")
    tifffile.imwrite(tmp_path / "planar.tif", np.stack([grey] * 3), photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "zip.tif", np.stack([grey] * 3, -1), photometric="rgb", compression="zlib")
    for name in ("grey", "planar", "zip"):
        image = open_image(tmp_path / f"{name}.tif")
        assert image.axes == "YX"
        np.testing.assert_array_equal(pixels(image), grey)
        np.testing.assert_array_equal(image.planes[0][2:5, 3:9], grey[2:5, 3:9])
    tifffile.imwrite(tmp_path / "red.tif", np.stack([grey, grey, grey // 2], -1), photometric="rgb")
    with pytest.raises(InputError, match=r"red\.tif: is a colour image; Pellucid denoises one channel at a time"):
        open_image(tmp_path / "red.tif")


def test_several_images_in_one_file_are_refused(tmp_path, picture):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(picture((20, 30)))
        tif.write(picture((30, 40)))
    with pytest.raises(InputError, match=r"2 images \(\(20, 30\) uint8, \(30, 40\) uint8\); choose .*a\.tif:0"):
        open_image(tmp_path / "a.tif")


def test_a_thumbnail_beside_the_image_is_left_out(tmp_path, picture, pixels):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(picture((60, 80)))
        tif.write(picture((6, 8)))
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.tif")), picture((60, 80)))


def test_white_is_zero_stays_so(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), photometric="miniswhite")
    copy(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as made:
        assert made.pages[0].photometric.name == "MINISWHITE"
        np.testing.assert_array_equal(made.asarray(), picture((20, 30)))


def test_a_lossy_compression_is_not_used_for_writing(tmp_path, pixels):
    array = np.random.default_rng(0).integers(0, 255, (64, 64), "uint8")
    tifffile.imwrite(tmp_path / "a.tif", array, compression="jpeg")
    image = open_image(tmp_path / "a.tif")
    made = copy(tmp_path / "a.tif", tmp_path / "b.tif")
    np.testing.assert_array_equal(pixels(made), pixels(image))
    assert made.style.compression == "zlib"


def spec(shape, dtype="uint16", axes="ZYX"):
    return OutputSpec("a.tif", axes, shape, np.dtype(dtype))


@pytest.mark.parametrize(
    ("case", "style", "kind", "big"),
    [
        (spec((10, 64, 64)), TiffStyle(), "imagej", False),
        (spec((10, 64, 64), "int8"), TiffStyle(), "ome", False),
        (spec((10, 64, 64), "float16"), TiffStyle(), "plain", False),
        (spec((2, 2, 2, 64, 64), axes="TCZYX"), TiffStyle(), "ome", False),
        (spec((10, 64, 64)), TiffStyle("plain"), "plain", False),
        (spec((10, 64, 64)), TiffStyle("ome"), "ome", False),
        (spec((3000, 1024, 1024)), TiffStyle("imagej"), "ome", True),
        (spec((3000, 1024, 1024)), TiffStyle("plain"), "plain", True),
    ],
)
def test_kind_and_bigtiff(case, style, kind, big):
    assert choose_kind(case, style) == kind
    assert write_options(case, style)[1]["bigtiff"] is big


def test_another_dtype_than_imagej_holds_turns_it_into_ome(tmp_path, picture):
    write_array(tmp_path / "a.tif", picture((3, 20, 20), "uint16"))
    made = copy(tmp_path / "a.tif", tmp_path / "b.tif", dtype="int16")
    assert (made.style.kind, made.dtype) == ("ome", "int16")
