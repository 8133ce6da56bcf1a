from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image as Pillow

import pellucid
from pellucid.data.source import open_source, open_usable
from pellucid.errors import InputError
from pellucid.io.registry import is_unread, readable
from pellucid.io.writing import write_array


@pytest.fixture
def folder(tmp_path, picture):
    """Three images in three formats, and what else lies in folders."""
    folder = tmp_path / "images"
    write_array(folder / "a.tif", picture((2, 40, 50)))
    write_array(folder / "b.png", picture((30, 20)))
    write_array(folder / "c.zarr", picture((3, 32, 32)))
    for name in ("readme.txt", "Thumbs.db", ".DS_Store", "._a.tif"):
        (folder / name).write_text("no image")
    (folder / "more").mkdir()
    return folder


def names(source):
    return [image.path.rpartition("/")[2] for image in source.images]


def test_a_folder_gives_its_images_by_name(folder):
    for spec in (folder, str(folder)):
        source = open_source(spec)
        assert names(source) == ["a.tif", "b.png", "c.zarr"]
        assert [plane.shape for plane in source.planes] == [(40, 50)] * 2 + [(30, 20)] + [(32, 32)] * 3
        assert source.pixels == 2 * 2000 + 600 + 3 * 1024
        assert source.dtypes == [np.uint8]


@pytest.fixture
def unread(folder, picture):
    """The folder with images that are not taken, among much that is none."""
    for name in ("c.czi", "d.raw", "e.BMP", "f.emi", "estimates/a.tif", "noise/a.tif", "g.oif.files/s_C001.tif"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"pixels")
    write_array(folder / "sub" / "b.tif", picture((40, 50)))
    return folder


def test_images_of_a_folder_that_are_not_taken_are_named(unread):
    source = open_source(unread)
    assert names(source) == ["a.tif", "b.png", "c.zarr"]
    (line,) = source.passed_over
    assert line == (
        f"{unread}: passed over c.czi, d.raw, e.BMP, f.emi, in formats that are not read as they are (each given alone "
        "says what to do); sub/, in folders (give them too)"
    )
    assert open_usable([unread, unread / "sub"]).of_one_type().passed_over == (line,)
    for number in range(4):
        (unread / f"x{number}.czi").touch()
    assert "f.emi, x0.czi and 3 more, in formats" in open_source(unread).passed_over[0]


def test_images_that_a_glob_matches_and_that_are_not_taken_are_named(unread):
    (line,) = open_source(f"{unread}/*.[tcB]*").passed_over
    assert line.startswith(f"{unread}/*.[tcB]*: passed over c.czi, e.BMP, in formats")


def test_nothing_is_said_of_what_is_no_image_or_belongs_to_one(folder):
    (folder / "more" / "notes.txt").touch()
    (folder / "._c.czi").touch()
    assert open_source(folder).passed_over == open_source(f"{folder}/*").passed_over == ()
    assert open_source(folder / "a.tif").passed_over == ()


def test_the_settings_beside_a_series_are_no_image_of_their_own(tmp_path):
    (tmp_path / "a.emi").touch()
    assert is_unread(tmp_path / "a.emi")
    (tmp_path / "a_1.ser").touch()
    assert not is_unread(tmp_path / "a.emi")


def test_globs_files_lists_and_arrays(folder, picture):
    assert names(open_source(f"{folder}/*.[tp]*")) == ["a.tif", "b.png"]
    assert names(open_source(f"{folder}/*")) == ["a.tif", "b.png", "c.zarr"]
    assert names(open_source(folder / "c.zarr")) == ["c.zarr"]
    mixed = open_source([folder / "b.png", picture((2, 20, 20)), f"{folder}/a*"])
    assert [image.path.rpartition("/")[2] for image in mixed.images] == ["b.png", "array 1", "a.tif"]
    assert len(open_source(picture((5, 20, 30))).planes) == 5


def test_one_data_set_of_many_files(tmp_path, picture):
    import h5py

    for number in range(2):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file["raw"], file["labels"] = picture((20, 30), seed=number), picture((20, 30))
    source = open_source(f"{tmp_path}/*.h5:/raw")
    assert names(source) == ["raw", "raw"]
    np.testing.assert_array_equal(source.planes[1].read(), picture((20, 30), seed=1))


def test_a_name_with_brackets_is_a_file(tmp_path, picture):
    write_array(tmp_path / "cell[1].tif", picture((20, 30)))
    assert len(open_source(tmp_path / "cell[1].tif").planes) == 1


def test_a_missing_path(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: no such file"):
        open_source(tmp_path / "nowhere")


def test_an_empty_folder_says_what_is_read(tmp_path):
    with pytest.raises(InputError, match=r"has no images in it; extensions that are read: \.tif, \.tiff"):
        open_source(tmp_path)
    (tmp_path / "inner").mkdir()
    with pytest.raises(InputError, match="1 folders in it: give one of them"):
        open_source(tmp_path)
    assert ".png" in readable()
    assert ".zarr" in readable()


def test_a_glob_without_a_match(folder):
    with pytest.raises(InputError, match=r"\*\.mrc: matches no file"):
        open_source(f"{folder}/*.mrc")
    with pytest.raises(InputError, match=r"matches 1 files, none of them an image"):
        open_source(f"{folder}/*.txt")


def test_a_file_of_another_kind(folder):
    with pytest.raises(InputError, match=r"readme\.txt: not an image format that Pellucid reads; it reads \.tif"):
        open_source(folder / "readme.txt")


def test_an_image_that_cannot_be_read_is_named_not_left_out(folder):
    (folder / "d.tif").write_text("a text file")
    with pytest.raises(InputError, match=r"d\.tif: "):
        open_source(folder)


def test_a_folder_with_the_name_of_a_file(tmp_path):
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(InputError, match=r"a\.tif: is a folder, not a TIFF file"):
        open_source(tmp_path / "a.tif")


def test_nothing_at_all():
    with pytest.raises(InputError, match="a source is empty"):
        open_source([])


@pytest.mark.parametrize("shape", [(15, 100), (100, 15), (2, 8, 8)])
def test_a_tiny_image_is_refused(tmp_path, picture, shape):
    write_array(tmp_path / "a.tif", picture(shape))
    with pytest.raises(InputError, match=r"a\.tif: is \d+×\d+ pixels, but at least 16×16 are needed"):
        open_source(tmp_path)


def test_the_smallest_image_is_taken(picture):
    assert open_source(picture((16, 16))).pixels == 256


def test_mixed_pixel_types_name_two_files(tmp_path, picture):
    write_array(tmp_path / "a.tif", picture((20, 30)))
    write_array(tmp_path / "b.tif", picture((20, 30)))
    write_array(tmp_path / "c.tif", picture((20, 30), "uint16"))
    with pytest.raises(InputError, match=r"c\.tif: has uint16 pixels, but .*a\.tif has uint8"):
        open_source(tmp_path)


def test_what_cannot_be_used_of_a_folder_or_a_glob_can_be_left_out(folder, picture):
    (folder / "d.tif").write_text("a text file")
    (folder / "e.tif").symlink_to(folder / "nowhere.tif")
    write_array(folder / "f.tif", picture((15, 40)))
    write_array(folder / "g.tif", picture((40, 40), "uint16"))
    write_array(folder / "h.npy", picture((40, 40), "float32"))
    for spec in (folder, f"{folder}/*", [folder]):
        opened = open_usable(spec)
        assert names(opened) == ["a.tif", "b.png", "c.zarr", "g.tif", "h.npy"]
        told = "\n".join(opened.left_out)
        assert re.search(
            r"d\.tif: .*\n.*e\.tif: is a link to .*nowhere\.tif, which does not exist.*\n.*f\.tif: is 15×40", told
        )
        assert names(opened.of_one_type()) == ["a.tif", "b.png", "c.zarr"]
        assert names(opened.of_one_type(np.dtype("float16"))) == ["h.npy"]
        assert len(opened.of_one_type(np.dtype("uint16")).left_out) == 3 + 4
    with pytest.raises(InputError, match="has uint8 pixels, not int8"):
        opened.of_one_type(np.dtype("int8"))
    with pytest.raises(
        InputError, match=r"d\.tif: .*; .*e\.tif: .*; .*f\.tif: .*; .*g\.tif: has uint16 .*; .*h\.npy: has float32"
    ):
        open_source(folder)


def test_what_is_named_itself_is_never_left_out(folder):
    for spec in (folder / "d.tif", [folder, folder / "d.tif"]):
        with pytest.raises(InputError, match=r"d\.tif: no such file"):
            open_usable(spec)


def test_a_folder_of_nothing_usable_names_the_first(tmp_path):
    (tmp_path / "a.tif").write_text("a text file")
    with pytest.raises(InputError, match=r"a\.tif: cannot be read"):
        open_usable(tmp_path)


def test_a_folder_without_permission_is_named(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refused)
    with pytest.raises(InputError, match="no permission to read it"):
        open_source(tmp_path)


def test_floats_of_two_widths_may_be_mixed(picture):
    source = open_source([picture((20, 30), "float32"), picture((20, 30), "float16")])
    assert [dtype.name for dtype in source.dtypes] == ["float16", "float32"]


def test_colour_is_refused(tmp_path, picture):
    Pillow.fromarray(picture((20, 30, 3))).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: is a colour image"):
        open_source(tmp_path)
    with pytest.raises(InputError, match="array: is a colour image"):
        open_source(picture((20, 30, 3)))


def test_the_fingerprint_follows_the_content_not_the_place(tmp_path, picture):
    array = picture((3, 400, 300))
    changed = array.copy()
    changed[1, 200, 150] += 1
    renamed = tmp_path / "four" / "b.tif"
    for path, content in [(tmp_path / "one" / "a.tif", array), (tmp_path / "two" / "a.tif", array),
                          (tmp_path / "three" / "a.tif", changed), (renamed, array)]:  # fmt: skip
        write_array(path, content)
    prints = [open_source(tmp_path / name).fingerprint() for name in ("one", "two", "three", "four")]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3
    assert len(prints[0]) == 64


def test_the_fingerprint_of_a_huge_source_reads_little(monkeypatch):
    from pellucid.io.image import Plane

    shape = (10_000, 2048, 2048)
    source = open_source(np.broadcast_to(np.zeros((1, 2048, 2048), np.uint8), shape))
    read = []
    original = Plane.__getitem__
    monkeypatch.setattr(Plane, "__getitem__", lambda plane, window: read.append(1) or original(plane, window))
    source.fingerprint()
    assert len(read) == 32


def test_sections_come_in_natural_order_from_a_folder_and_from_a_glob(tmp_path, picture):
    for number in range(1, 13):
        write_array(tmp_path / f"s{number}.png", picture((16, 16)))
    expected = [f"s{number}.png" for number in range(1, 13)]
    assert names(open_source(tmp_path)) == expected
    assert names(open_source(f"{tmp_path}/s*.png")) == expected
    assert names(open_source([tmp_path / "s2.png", tmp_path / "s1.png"])) == ["s2.png", "s1.png"]  # a list as it is


@pytest.mark.parametrize("extension", [".tif", ".png", ".zarr", ".mrc", ".h5", ".dm4"])
def test_results_in_the_folder_are_no_images_that_were_forgotten(extension, picture, tmp_path):
    image = picture((64, 64))
    for name in ("a", "b"):
        write_array(tmp_path / f"{name}{extension}", image.astype("uint16"))
    pellucid.denoise(f"{tmp_path}/*{extension}", tmp_path / "smooth", recipe="gaussian")
    assert list((tmp_path / "smooth").iterdir())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").touch()
    write_array(tmp_path / "run" / "curves.png", image)
    assert open_source(tmp_path).passed_over == ()
    write_array(tmp_path / "more" / "c.png", image)
    assert "more/" in open_source(tmp_path).passed_over[0]
