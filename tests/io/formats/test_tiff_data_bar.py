"""The data bar by the tags of the makers of scanning electron microscopes, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from pellucid.io.registry import open_image
from pellucid.io.writing import create_image

from .copying import copy

HEIGHT, WIDTH, BAR = 103, 128, 7


def tag(code, text):
    return {"extratags": [(code, 2, 0, text.encode("cp1252") + b"\0", True)]}


def thermo(code=34682, width=WIDTH, height=HEIGHT - BAR, bar=BAR):
    picture = f"[Image]\r\nDigitalContrast=1\r\nResolutionX={width}\r\nResolutionY={height}\r\n\r\n" if width else ""
    private = f"[PrivateFei]\r\nBitShift=0\r\nDatabarHeight={bar}\r\n"
    return tag(code, f"[User]\r\nDate=1\r\n\r\n[Scan]\r\nPixelWidth=5e-9\r\nPixelHeight=5e-9\r\n\r\n{picture}{private}")


def zeiss(size):
    text = f"\r\n0\r\n0\r\n0\r\nDP_IMAGE_STORE\r\nStore resolution = {size}\r\nDP_ZOOM\r\nZoom = Off\r\n"
    return tag(34118, text)


def tescan(bar):
    return tag(50431, f"[MAIN]\r\nDevice=MIRA\r\nImageStripSize={bar}\r\nPixelSizeX=5e-09\r\nPixelSizeY=5e-09\r\n")


CASES = {
    "Thermo": (thermo(), BAR),
    "FEI": (thermo(34680), BAR),
    "FEI, height alone": (thermo(34680, width=0), BAR),
    "Thermo, saved without its bar": (thermo(height=HEIGHT), 0),
    "Thermo, scaled": (thermo(width=2 * WIDTH, height=2 * HEIGHT), 0),
    "Thermo, damaged": (thermo(height="?", bar="?"), 0),
    "Zeiss": (zeiss(f"{WIDTH} * {HEIGHT - BAR}"), BAR),
    "Zeiss, bar over the picture": (zeiss(f"{WIDTH} * {HEIGHT}"), 0),
    "Zeiss, damaged": (zeiss("1024"), 0),
    "Tescan": (tescan(BAR), BAR),
    "Tescan bytes": (
        {"extratags": [(50431, 7, 33, b"\x01\x02\xff[M]\nImageStripSize=7\nHV=1\n\0\0\0", True)]},
        BAR,
    ),
    "Tescan, no bar": (tescan(0), 0),
    "Tescan, impossible": (tescan(4 * HEIGHT), 0),
    "Hitachi": ({"description": f"[SemImageFile]\nDataSize={WIDTH}x{HEIGHT - BAR}\nPixelSize=5.0\n"}, BAR),
    "JEOL": ({"description": f"$CM_FULL_SIZE {WIDTH} {HEIGHT - BAR}\n$CM_MAG 5000\n"}, BAR),
    "no maker": ({}, 0),
}


def written(path, pixels, options):
    tifffile.imwrite(path, pixels, metadata=None, photometric="minisblack", **options)
    return path


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("name", CASES)
def test_the_bar_is_masked_and_its_pixels_stay(tmp_path, picture, name, compression):
    options, bar = CASES[name]
    pixels = picture((HEIGHT, WIDTH))
    image = open_image(written(tmp_path / "a.tif", pixels, {**options, "compression": compression}))
    assert image.data_bar == bar
    read = image.planes[0].read()
    assert np.ma.isMaskedArray(read) == (bar > 0)
    np.testing.assert_array_equal(np.ma.getdata(read), pixels)
    np.testing.assert_array_equal(np.ma.getmaskarray(read)[:, 0], np.arange(HEIGHT) >= HEIGHT - bar)


@pytest.mark.parametrize("target", ["b.tif", "b.zarr", "b.h5", "b.mrc", "b.png"])
def test_a_copy_in_any_format_has_the_pixels_of_the_bar(tmp_path, picture, target):
    pixels = picture((HEIGHT, WIDTH), "uint16")
    copy(written(tmp_path / "a.tif", pixels, thermo()), tmp_path / target)
    again = open_image(tmp_path / target)
    np.testing.assert_array_equal(np.ma.getdata(again.planes[0].read()), pixels)
    assert again.data_bar == (BAR if target == "b.tif" else 0)


@pytest.mark.parametrize("name", ["Thermo", "Zeiss", "Tescan", "Tescan bytes", "Hitachi", "JEOL"])
@pytest.mark.parametrize(("rows", "bar"), [(slice(0, 90), 0), (slice(0, HEIGHT), BAR)])
def test_a_part_above_the_bar_has_none(tmp_path, picture, name, rows, bar):
    from pellucid.io.output_spec import OutputSpec
    from pellucid.io.registry import writable_format

    image = open_image(written(tmp_path / "a.tif", picture((HEIGHT, WIDTH)), CASES[name][0]))
    shape = (rows.stop - rows.start, WIDTH)
    spec = OutputSpec("b.tif", "YX", shape, image.dtype, image.pixel_size, image.style, offset={"Y": rows.start})
    writer = writable_format(tmp_path / "b.tif", spec).create(tmp_path / "b.tif", spec)
    writer.array[:] = np.ma.getdata(image.planes[0].read())[rows]
    writer.finish()
    assert open_image(tmp_path / "b.tif").data_bar == bar


def test_every_page_of_a_stack_has_the_bar(tmp_path, picture):
    pixels = picture((3, HEIGHT, WIDTH))
    image = open_image(written(tmp_path / "a.tif", pixels, thermo()))
    block = image.read_block((slice(0, 3),), slice(0, HEIGHT), slice(0, WIDTH))
    assert np.ma.getmaskarray(block).sum() == 3 * BAR * WIDTH
    with create_image(tmp_path / "b.zarr", image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    np.testing.assert_array_equal(open_image(tmp_path / "b.zarr").planes[2].read(), pixels[2])
