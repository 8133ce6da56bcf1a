from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from pellucid.errors import InputError
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image


def test_grey_jpeg_is_read(tmp_path, picture):
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "a.jpg", quality=95)
    image = open_image(tmp_path / "a.jpg")
    with Pillow.open(tmp_path / "a.jpg") as file:
        expected = np.asarray(file)
    assert (image.axes, image.dtype, image.pixel_size) == ("YX", "uint8", None)
    np.testing.assert_array_equal(image.planes[0].read(), expected)
    np.testing.assert_array_equal(image.planes[0][3:7, 5:9], expected[3:7, 5:9])


def test_grey_saved_as_colour_is_grey(tmp_path, picture):
    Pillow.fromarray(picture((20, 30))).convert("RGB").save(tmp_path / "a.jpg")
    assert open_image(tmp_path / "a.jpg").planes[0].read().shape == (20, 30)


def test_colour_is_refused(tmp_path, picture):
    Pillow.fromarray(picture((20, 30, 3))).save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="colour image"):
        open_image(tmp_path / "a.jpg")


def test_inks_are_refused(tmp_path, picture):
    Pillow.fromarray(picture((20, 30))).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="4 inks"):
        open_image(tmp_path / "a.jpg")


def test_a_truncated_file_is_named(tmp_path, picture):
    Pillow.fromarray(picture((200, 300))).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"a\.jpg: cannot be read.*truncated"):
        open_image(tmp_path / "a.jpg").planes[0].read()


def test_writing_is_refused(tmp_path, picture):
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="JPEG loses detail"):
        create_image(tmp_path / "b.jpg", open_image(tmp_path / "a.jpg"))


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_large_images_are_read_whatever_pillow_takes_for_an_attack(tmp_path, picture, extension, monkeypatch):
    Pillow.fromarray(picture((20, 30))).save(tmp_path / f"a{extension}")
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 100)
    assert open_image(tmp_path / f"a{extension}").planes[0].read().shape == (20, 30)
