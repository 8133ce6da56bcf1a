"""Files with the extension of another format: read by content, or refused with the name of what they are."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array

WRITTEN = {".tif": "TIFF", ".png": "PNG", ".mrc": "MRC", ".h5": "HDF5", ".npy": "NPY", ".dm4": "DigitalMicrograph"}
NAMES = [*WRITTEN, ".jpg", ".emd", ".ser", ".nd2", ".lif", ".oib"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extension", WRITTEN)
def test_pixels_are_those_of_the_content(tmp_path, picture, pixels, extension, name):
    given = picture((20, 30), "uint16")
    write_array(tmp_path / f"a{extension}", given)
    (tmp_path / f"a{extension}").rename(tmp_path / f"b{name}")
    image = open_image(tmp_path / f"b{name}")
    np.testing.assert_array_equal(pixels(image), given)
    as_named = name == extension or (name, extension) == (".emd", ".h5")
    assert image.read_as == ("" if as_named else f"{WRITTEN[extension]}, by its content")


def test_a_folder_tells_of_such_files_in_one_line(tmp_path, picture):
    for number in range(2):
        tifffile.imwrite(tmp_path / f"a{number}.png", picture((20, 30)))
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "b.png")
    source = open_source(tmp_path)
    told = ", ".join(f"{tmp_path}/a{number}.png (TIFF, by its content)" for number in range(2))
    assert source.remarks == [f"not read as the name says: {told}"]


@pytest.mark.parametrize(("kind", "named"), [("BMP", "a.png"), ("GIF", "a.tif"), ("WEBP", "a.jpg")])
def test_what_is_not_read_is_named(tmp_path, picture, kind, named):
    with (tmp_path / named).open("wb") as file:
        Pillow.fromarray(picture((20, 30))).save(file, kind)
    with pytest.raises(InputError, match=rf"{named}: is {kind} by its content, whatever its name: .* Fiji"):
        open_image(tmp_path / named)


def test_the_content_of_an_unknown_extension_is_named(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.dat", picture((20, 30)))
    with pytest.raises(InputError, match=r"a\.dat: not an .*it is TIFF by its content: rename it to a\.tif"):
        open_image(tmp_path / "a.dat")


def test_what_cannot_be_opened_so_is_to_be_renamed(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.png", picture((20, 30, 3)), photometric="rgb")
    with pytest.raises(InputError, match=r"colour image.* \(it is TIFF by its content, not PNG: rename it\)"):
        open_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"I", b"II*\0", b"MM\0*" * 300, b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff" * 99])
def test_odd_files_are_refused_in_one_line(tmp_path, name, content):
    (tmp_path / f"a{name}").write_bytes(content)
    with pytest.raises(InputError) as problem:
        open_image(tmp_path / f"a{name}")
    assert "\n" not in str(problem.value)
