"""The data bar of a scanning electron microscope: how high it is, by the text files that makers put beside an image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from pellucid.io.data_bar import bar_below, bar_beside, bar_in_text
from pellucid.io.registry import open_image

SHAPE = (103, 128)
HITACHI = "[SemImageFile]\r\nInstructName=SU8000\r\nImageName=a.png\r\nDataSize=128x96\r\nPixelSize=5.0\r\n"
JEOL = "$CM_FORMAT JEOL/SEM\n$CM_MAG 5000\n$CM_FULL_SIZE 128 96\n$$SM_MICRON_BAR 20\n"
TESCAN = "[MAIN]\nDevice=MIRA3\nImageStripSize=7\nPixelSizeX=5e-9\n"


@pytest.mark.parametrize("text", [HITACHI, JEOL, TESCAN])
def test_each_maker_s_text_tells_the_height(text):
    assert bar_in_text(text, SHAPE) == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        HITACHI.replace("128x96", "128x103"),
        HITACHI.replace("128x96", "256x96"),
        HITACHI.replace("128x96", "128x40"),
        JEOL.replace("128 96", "128 0"),
        JEOL.replace("128 96", "640"),
        JEOL.replace("128 96", f"128 {'9' * 5000}"),
        TESCAN.replace("=7", "=0"),
        TESCAN.replace("=7", "=103"),
        TESCAN.replace("=7", "=-7"),
        TESCAN.replace("=7", "=99999999999999999999"),
    ],
)
def test_a_text_that_does_not_fit_the_image_tells_nothing(text):
    assert bar_in_text(text, SHAPE) == 0


@pytest.mark.parametrize(
    ("picture", "bar"), [((96, 128), 7), ((103, 128), 0), ((110, 128), 0), ((96, 127), 0), ((50, 128), 0)]
)
def test_the_bar_is_what_lies_below_the_picture(picture, bar):
    assert bar_below(*picture, SHAPE) == bar


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("a.txt", HITACHI.encode()),
        ("a.txt", HITACHI.encode("utf-16")),
        ("a.txt", HITACHI.encode("utf-8-sig")),
        ("a.txt", JEOL.encode()),
        ("a-png.hdr", TESCAN.encode()),
        ("a.hdr", TESCAN.encode()),
    ],
)
@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_a_text_file_beside_an_image_is_followed(tmp_path, picture, name, stored, extension):
    pixels = picture(SHAPE)
    Pillow.fromarray(pixels).save(tmp_path / f"a{extension}")
    (tmp_path / name.replace("-png", f"-{extension[1:]}")).write_bytes(stored)
    image = open_image(tmp_path / f"a{extension}")
    assert image.data_bar == 7
    whole = image.planes[0].read()
    np.testing.assert_array_equal(np.ma.getmaskarray(whole).all(1), np.arange(103) >= 96)
    np.testing.assert_array_equal(np.ma.getmaskarray(whole).any(1), np.arange(103) >= 96)
    if extension == ".png":
        np.testing.assert_array_equal(np.ma.getdata(whole), pixels)


def test_other_text_files_are_no_maker_s(tmp_path, picture):
    Pillow.fromarray(picture(SHAPE)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("my notes\n" + HITACHI)
    (tmp_path / "a.hdr").mkdir()
    (tmp_path / "a-png.hdr").write_bytes(bytes(range(256)) * 999)
    assert bar_beside(str(tmp_path / "a.png"), SHAPE) == 0


@pytest.mark.parametrize("rows", [slice(0, 96), slice(90, 103), slice(96, 103), slice(100, 101)])
def test_every_window_has_its_part_of_the_mask(tmp_path, picture, rows):
    pixels = picture(SHAPE)
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(JEOL)
    image = open_image(tmp_path / "a.png")
    columns = slice(3, 50)
    for block in (image.planes[0][rows, columns], image.read_block((), rows, columns)):
        np.testing.assert_array_equal(np.ma.getdata(block), pixels[rows, columns])
        expected = np.broadcast_to((np.arange(103) >= 96)[rows, None], block.shape)
        np.testing.assert_array_equal(np.ma.getmaskarray(block), expected)
