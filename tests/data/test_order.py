"""The order of the images in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tifffile

from pellucid.data.order import in_order
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.writing import write_array

NAMES = ["s1.png", "s2.png", "s10.png", "s020.png"]


@pytest.fixture
def source(tmp_path, picture):
    folder = tmp_path / "sections"
    for number, name in enumerate(NAMES):
        write_array(folder / name, picture((16, 16), seed=number))
        os.utime(folder / name, (10**9 - number, 10**9 - number))
    return open_source(folder)


def names(source):
    return [Path(image.path).name for image in source.images]


@pytest.mark.parametrize(("order", "expected"), [("natural", NAMES), ("name", sorted(NAMES)), ("time", NAMES[::-1])])
def test_names_and_times(source, order, expected):
    assert names(in_order(source, order)) == expected


def listed(tmp_path, text):
    (tmp_path / "order.txt").write_bytes(text.encode("utf-8"))
    return str(tmp_path / "order.txt")


def test_a_list_gives_the_order(source, tmp_path):
    wanted = ["s10.png", "s1.png", "s020.png", "s2.png"]
    text = "\ufeff" + "\r\n".join(wanted) + "\r\n\r\n"
    assert names(in_order(source, listed(tmp_path, text))) == wanted


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (NAMES[:-1], "does not list s020.png: add it"),
        (NAMES[:2], "does not list s10.png and 1 more: add it"),
        ([*NAMES, "s3.png"], "lists s3.png, which is not among the images: remove it"),
        ([*NAMES, "s1.png"], "lists s1.png 2 times"),
        ([], "does not list s1.png and 3 more"),
    ],
)
def test_a_list_names_every_image_once(source, tmp_path, lines, why):
    with pytest.raises(InputError, match=why):
        in_order(source, listed(tmp_path, "\n".join(lines)))


def test_what_is_no_list_is_refused(source, tmp_path):
    with pytest.raises(InputError, match="--order nmae: is neither natural, name, time nor a file"):
        in_order(source, "nmae")
    with pytest.raises(InputError, match="cannot be read as text"):
        in_order(source, str(tmp_path / "sections" / "s1.png"))
    with pytest.raises(InputError, match="cannot be read as text"):
        in_order(source, str(tmp_path))


def test_the_images_of_one_file_stay_as_they_were_given(tmp_path, picture):
    for name in ("b.tif", "a.tif"):
        with tifffile.TiffWriter(tmp_path / name) as tif:
            for number in range(2):
                tif.write(picture((16, 16 + number)))
    given = open_source([f"{tmp_path}/{name}" for name in ("b.tif:0", "a.tif:1", "a.tif:0")])
    assert names(in_order(given, "name")) == ["a.tif:1", "a.tif:0", "b.tif:0"]
