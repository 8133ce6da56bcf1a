"""Formats that are read through rosettasciio, which is not installed here: a stand-in has its interface.

`rsciio.IO_PLUGINS` lists readers; each names a module with `file_reader`, which gives data and axes.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.registry import open_image


def axis(index, name, size, *, navigate, scale=5.0, units="nm"):
    return {
        "name": name,
        "size": size,
        "index_in_array": index,
        "scale": scale,
        "units": units,
        "navigate": navigate,
    }


@pytest.fixture
def installed(monkeypatch):
    """What the stand-in's reader gives for every file."""
    given = []
    package, api = ModuleType("rsciio"), ModuleType("rsciio.made")
    package.__spec__ = ModuleSpec("rsciio", None)
    package.IO_PLUGINS = [
        {"name": "Made", "api": "rsciio.made", "file_extensions": ["mib", "MIB"]},
        {"name": "One", "api": "rsciio.made", "file_extensions": ["img"]},
        {"name": "Other", "api": "rsciio.made", "file_extensions": ["img"]},
        {"name": "TIFF", "api": "rsciio.made", "file_extensions": ["tif"]},
    ]
    api.file_reader = lambda path: given
    monkeypatch.setitem(sys.modules, "rsciio", package)
    monkeypatch.setitem(sys.modules, "rsciio.made", api)
    return given


@pytest.mark.parametrize(("name", "letter"), [("z", "Z"), ("time", "T"), ("frame", "T"), ("", "Z")])
def test_a_series_is_read_and_that_is_said(tmp_path, picture, pixels, installed, name, letter):
    data = picture((3, 20, 30))
    axes = [axis(1, "y", 20, navigate=False), axis(2, "x", 30, navigate=False), axis(0, name, 3, navigate=True)]
    installed.append({"data": data, "axes": axes})
    (tmp_path / "a.mib").touch()
    image = open_image(tmp_path / "a.mib")
    np.testing.assert_array_equal(pixels(image), data)
    assert image.axes == f"{letter}YX"
    assert image.pixel_size.values["X"] == 5
    assert "a.mib (Made, by rosettasciio; pixels and their size alone)" in open_source(tmp_path / "a.mib").remarks[0]


def test_what_is_no_image_is_refused(tmp_path, picture, installed):
    (tmp_path / "a.mib").touch()
    with pytest.raises(InputError, match=r"a\.mib: has 0 images"):
        open_image(tmp_path / "a.mib")
    axes = [axis(at, name, 20, navigate=at < 2) for at, name in enumerate("yxyx")]
    installed.append({"data": picture((20, 20, 20, 20)), "axes": axes})
    with pytest.raises(InputError, match=r"a\.mib: holds 4 dimensions, not an image or a series of them"):
        open_image(tmp_path / "a.mib")


def test_an_extension_of_several_readers_says_nothing(tmp_path, installed):
    (tmp_path / "a.img").touch()
    with pytest.raises(InputError, match=r"a\.img: not an image format that Pellucid reads"):
        open_image(tmp_path / "a.img")


def test_without_it_nothing_changes(tmp_path):
    (tmp_path / "a.mib").touch()
    with pytest.raises(InputError, match=r"a\.mib: not an image format that Pellucid reads"):
        open_image(tmp_path / "a.mib")
