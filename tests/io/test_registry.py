from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import zarr

from pellucid.data.source import open_source, open_usable
from pellucid.errors import InputError
from pellucid.io.registry import FORMATS, format_of, open_image
from pellucid.io.writing import write_array


def name(path):
    known = format_of(path)
    return known and known.name


def folder(path, **files):
    path.mkdir(parents=True)
    for file, content in files.items():
        (path / file.replace("_", ".")).write_text(content)
    return path


def test_a_folder_is_told_by_what_lies_in_it(tmp_path):
    assert name(folder(tmp_path / "a", attributes_json='{"dimensions": [4, 4]}')) == "N5"
    folder(tmp_path / "b" / "s0", attributes_json='{"dimensions": [4, 4]}')
    assert name(tmp_path / "b") == "N5"
    assert name(folder(tmp_path / "c", info='{"scales": []}')) == "neuroglancer precomputed"
    for file in ("_zarray", "_zgroup", "zarr_json"):
        assert name(folder(tmp_path / file, **{file: "{}"})) == "OME-Zarr"


def test_a_zarr_stays_one_whatever_its_name_or_company(tmp_path):
    assert name(folder(tmp_path / "a.n5", zarr_json="{}", attributes_json='{"dimensions": []}')) == "OME-Zarr"
    assert name(folder(tmp_path / "b.zarr", attributes_json='{"dimensions": []}')) == "OME-Zarr"
    assert name(folder(tmp_path / "c.tif", _zarray="{}")) == "OME-Zarr"


@pytest.mark.parametrize("content", ["", "taken on Monday", '"scales"', "[1]", "7", '{"dose": 3}', "\x00\xff"])
def test_notes_beside_images_make_no_image_of_their_folder(tmp_path, picture, content):
    folder(tmp_path / "a", info=content, attributes_json=content)
    assert name(tmp_path / "a") is None
    write_array(tmp_path / "a" / "one.tif", picture((20, 30)))
    assert len(open_source(tmp_path / "a").images) == 1


def test_folders_that_are_images_are_taken_from_a_folder(tmp_path, picture):
    zarr.create_array(tmp_path / "a" / "one", data=picture((20, 30)))
    zarr.create_array(tmp_path / "a" / "two.zarr", data=picture((20, 30)))
    (tmp_path / "a" / "three").mkdir()
    assert len(open_source(tmp_path / "a").images) == 2


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.module)
def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path, known):
    path = tmp_path / f"a{known.extensions[0]}"
    if known.is_folder:
        path.write_text("text")
        said = f"is a file, not a {known.name} folder; rename it or give the folder"
    else:
        path.mkdir()
        said = f"is a folder, not a {known.name} file; rename it or give a file in it"
    with pytest.raises(InputError, match=said):
        open_image(path)


def test_a_header_that_claims_more_than_memory_is_told_in_one_line(tmp_path, picture, monkeypatch):
    write_array(tmp_path / "a.npy", picture((20, 30)))

    def open_file(path, inner):
        raise MemoryError

    monkeypatch.setattr("pellucid.io.formats.npy.open_file", open_file)
    with pytest.raises(InputError, match=r"a\.npy: needs more memory to be opened than there is; it may be damaged"):
        open_image(tmp_path / "a.npy")


def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    with pytest.raises(InputError, match="is neither a file nor a folder"):
        open_image(tmp_path / "pipe.tif")


def test_a_name_that_is_no_text_is_left_out_and_told(tmp_path, picture):
    write_array(tmp_path / "good.png", picture((20, 20), np.uint8))
    shutil.copy(tmp_path / "good.png", tmp_path / os.fsdecode(b"\xff.png"))
    source = open_usable(tmp_path)
    assert len(source.images) == 1
    assert "its name is not valid UTF-8; rename it" in source.left_out[0].encode().decode()
