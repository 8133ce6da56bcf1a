"""Nothing outside the folders that may be shown can be named, whatever the path looks like."""

from __future__ import annotations

import os
import zipfile

import pytest

from pellucid.app.roots import Roots
from pellucid.errors import InputError
from pellucid.io.writing import write_array


@pytest.fixture
def place(tmp_path, image):
    (tmp_path / "shown" / "inner").mkdir(parents=True)
    (tmp_path / "shown-too").mkdir()
    (tmp_path / "hidden").mkdir()
    write_array(tmp_path / "hidden" / "secret.tif", image)
    write_array(tmp_path / "shown" / "a.tif", image)
    return tmp_path


@pytest.fixture
def roots(place):
    return Roots([place / "shown"])


def outside(roots, text):
    with pytest.raises(InputError, match="lies outside"):
        roots.path(text)


@pytest.mark.parametrize(
    "path", ["..", "../hidden/secret.tif", "inner/../../hidden", "/etc/passwd", "/", "a.tif\0.png", "../shown-too"]
)
def test_paths_that_lead_outside_are_refused(roots, path):
    outside(roots, path)


def test_a_folder_whose_name_begins_alike_is_another(roots, place):
    outside(roots, str(place / "shown-too"))


def test_a_link_is_followed_before_it_is_judged(roots, place):
    (place / "shown" / "link").symlink_to(place / "hidden")
    (place / "shown" / "inside").symlink_to(place / "shown" / "inner")
    outside(roots, str(place / "shown" / "link" / "secret.tif"))
    assert roots.path(place / "shown" / "inside") == place / "shown" / "inner"
    assert [entry.path.name for entry in roots.list(place / "shown").entries] == ["inner", "inside", "a.tif"]


def test_a_circle_of_links_is_refused_and_not_followed_forever(roots, place):
    (place / "shown" / "one").symlink_to(place / "shown" / "two")
    (place / "shown" / "two").symlink_to(place / "shown" / "one")
    listed = [entry.path for entry in roots.list(place / "shown").entries]
    assert [path.name for path in listed if path.exists()] == ["inner", "a.tif"]


def test_the_message_is_the_same_whether_or_not_there_is_something(roots, place):
    told = []
    for name in ("secret.tif", "nothing.tif"):
        with pytest.raises(InputError) as problem:
            roots.path(place / "hidden" / name)
        told.append(str(problem.value).replace(name, ""))
    assert told[0] == told[1]


def test_an_image_inside_a_file_keeps_its_number(roots, place):
    assert roots.image(str(place / "shown" / "a.tif:1")) == f"{place / 'shown' / 'a.tif'}:1"
    with pytest.raises(InputError, match="lies outside"):
        roots.image(str(place / "hidden" / "secret.tif:0"))


def test_entries_have_their_kinds(roots, place, image):
    shown = place / "shown"
    write_array(shown / "v.zarr", image)
    (shown / "run").mkdir()
    (shown / "run" / "recipe.toml").touch()
    for name in ("scan.czi", "notes.txt", "trust.html", ".hidden.tif"):
        (shown / name).touch()
    kinds = {entry.path.name: entry.kind for entry in roots.list(shown).entries}
    assert kinds == {
        "inner": "folder",
        "a.tif": "image",
        "notes.txt": "file",
        "run": "model",
        "scan.czi": "other image",
        "trust.html": "page",
        "v.zarr": "image",
    }


def test_there_is_no_way_above_the_top(roots, place):
    assert roots.above(place / "shown" / "inner") == place / "shown"
    assert roots.above(place / "shown") is None


def test_folders_that_do_not_exist_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        Roots([tmp_path / "nothing"])
    with pytest.raises(InputError, match="no folder is given"):
        Roots([])


def test_names_that_no_browser_can_show_are_counted(roots, place):
    shown = place / "shown"
    for name in (b"\xff.png", b".\xff.png", b"caf\xe9.tif", "café.tif".encode()):
        (shown / os.fsdecode(name)).touch()
    listing = roots.list(shown)
    assert [entry.path.name for entry in listing.entries] == ["inner", "a.tif", "café.tif"]
    assert listing.nameless == 2  # hidden ones are not counted


def test_a_zip_is_a_model_if_it_holds_one(roots, place):
    shown = place / "shown"
    for name, member in (("model.zip", "recipe.toml"), ("other.zip", "notes.txt")):
        with zipfile.ZipFile(shown / name, "w") as made:
            made.writestr(member, "")
    (shown / "broken.zip").write_bytes(b"PK")
    kinds = {entry.path.name: entry.kind for entry in roots.list(shown).entries}
    assert kinds == {
        "inner": "folder",
        "a.tif": "image",
        "broken.zip": "file",
        "model.zip": "model",
        "other.zip": "file",
    }


def test_a_name_that_is_too_long_lies_outside(roots):
    outside(roots, "a" * 5000)
