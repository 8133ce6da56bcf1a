"""The size of a pixel by the text files that makers put beside an image."""

from __future__ import annotations

import pytest
import tifffile
from PIL import Image as Pillow

from pellucid.io.maker_text import size_beside
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image

SHAPE = (103, 128)
HITACHI = "[SemImageFile]\r\nInstructName=SU8000\r\nDataSize=128x96\r\nPixelSize=5.0\r\n"
JEOL = "$CM_FORMAT JEOL/SEM\n$CM_FULL_SIZE 128 96\n$$SM_MICRON_BAR 200\n$$SM_MICRON_MARKER 1um\n"
TESCAN = "[MAIN]\nDevice=MIRA3\nPixelSizeX=5e-9\nPixelSizeY=5e-9\n"
FIVE = PixelSize({"Y": 5.0, "X": 5.0}, "nm")


@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize(("name", "text"), [("a.txt", HITACHI), ("a.txt", JEOL), ("a.hdr", TESCAN)])
def test_the_text_beside_an_image_tells_its_pixel_size(tmp_path, picture, extension, name, text):
    Pillow.fromarray(picture(SHAPE)).save(tmp_path / f"a{extension}")
    (tmp_path / name).write_text(text)
    assert open_image(tmp_path / f"a{extension}").pixel_size.to("nm") == FIVE


@pytest.mark.parametrize(
    "text",
    [
        "my notes\n" + HITACHI,
        HITACHI.replace("=5.0", "=0"),
        HITACHI.replace("=5.0", "=1.2.3"),
        HITACHI.replace("128x96", "256x192"),
        JEOL.replace("BAR 200", "BAR 0"),
        JEOL.replace("128 96", "64 48"),
    ],
)
def test_a_text_that_is_another_or_does_not_fit_tells_nothing(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    assert size_beside(str(tmp_path / "a.png"), SHAPE) is None


def test_what_the_file_itself_says_goes_before(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture(SHAPE), resolution=(1e6, 1e6), resolutionunit=3, metadata=None)
    (tmp_path / "a.txt").write_text(HITACHI)
    assert open_image(tmp_path / "a.tif").pixel_size == PixelSize({"Y": 10.0, "X": 10.0}, "nm")
