from __future__ import annotations

from itertools import product

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


KINDS = [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 3}]


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_off_and_closed_all_the_same_is_named(tmp_path, picture, kind, colour):
    grey = Pillow.fromarray(picture((60, 80)))
    (grey.convert("RGB") if colour else grey).save(tmp_path / "a.jpg", **kind)
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) * 2 // 3] + b"\xff\xd9")
    with pytest.raises(InputError, match=r"a\.jpg: is cut off: a part of its pixels is missing"):
        open_image(tmp_path / "a.jpg").planes[0].read()


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_of_any_kind_are_read_and_previews_behind_them_ignored(tmp_path, pixels, kind):
    for seed, (quality, shape) in enumerate(product((5, 50, 100), ((16, 16), (17, 33), (64, 90)))):
        random = np.random.default_rng(seed)
        noisy = random.integers(0, 255, shape, "uint8")
        smooth = np.full(shape, random.integers(255), "uint8")
        for array in (noisy, smooth):
            Pillow.fromarray(array).save(tmp_path / "a.jpg", quality=quality, **kind)
            with Pillow.open(tmp_path / "a.jpg") as file:
                expected = np.asarray(file)
            data = (tmp_path / "a.jpg").read_bytes()
            for more in (b"", data, bytes(9)):
                (tmp_path / "a.jpg").write_bytes(data + more)
                np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.jpg")), expected)


@pytest.mark.parametrize("orientation", [1, 3, 5, 6])
def test_what_it_says_beside_its_pixels_is_told(tmp_path, picture, orientation):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "a.jpg", exif=exif, comment=b"EHT = 1.5 kV")
    image = open_image(tmp_path / "a.jpg")
    with create_image(tmp_path / "a.png", image) as writer:
        writer.write(0, image.planes[0].read())
    shown = {3: "turned", 5: "turned and mirrored", 6: "turned"}.get(orientation)
    words = f"Exif (by its orientation the image is shown {shown})" if shown else "Exif"
    assert writer.notes == [f"not kept by PNG: comment, {words}"]


def test_damaged_exif_is_no_one_s_business(tmp_path, picture, recwarn):
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\2\0\x12\1\3\0\1\0")
    image = open_image(tmp_path / "a.jpg")
    assert image.style.annotations == ("Exif",)
    assert image.planes[0].read().shape == (20, 30)
    assert not recwarn.list


def test_writing_is_refused(tmp_path, picture):
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="JPEG loses detail"):
        create_image(tmp_path / "b.jpg", open_image(tmp_path / "a.jpg"))


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_large_images_are_read_whatever_pillow_takes_for_an_attack(tmp_path, picture, extension, monkeypatch):
    Pillow.fromarray(picture((20, 30))).save(tmp_path / f"a{extension}")
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 100)
    assert open_image(tmp_path / f"a{extension}").planes[0].read().shape == (20, 30)
