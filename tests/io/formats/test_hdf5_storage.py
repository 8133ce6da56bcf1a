"""Pixels of HDF5 that are behind links, gathered from other files, or were never written."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.registry import contents, open_image
from tests.io.formats.test_hdf5 import write


@pytest.fixture
def linking(tmp_path, picture):
    """A file whose /img is the /data of another, and which has a /data of its own."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = picture((3, 20, 30))
        file["data"].attrs["stain"] = "osmium"
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["data"] = np.full((3, 20, 30), 7, "uint8")
        file["img"] = h5py.ExternalLink("a.h5", "/data")
        file["entry/gone"] = h5py.ExternalLink("gone.h5", "/data")
        file["entry/circle"] = h5py.ExternalLink("m.h5", "/")
    return tmp_path / "m.h5"


def test_a_link_to_another_file_is_followed(linking, tmp_path, picture, pixels):
    image = open_image(f"{linking}:/img")
    assert image.path == f"{linking}:/img"
    np.testing.assert_array_equal(pixels(image), picture((3, 20, 30)))
    assert (pixels(open_image(f"{linking}:/data")) == 7).all()
    assert image.files.paths == {linking, tmp_path / "a.h5"}
    writer = write(tmp_path / "b.h5", image)
    assert writer.notes == ["not kept: other data sets: /data, /entry/gone"]
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["img"].attrs["stain"] == "osmium"
    image.close()
    with h5py.File(tmp_path / "a.h5", "r+"), h5py.File(linking, "r+"):
        pass  # neither stays open


def test_the_only_image_may_be_behind_a_link(tmp_path, linking, picture, pixels):
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["entry/data"] = h5py.ExternalLink("a.h5", "/")
    for name in ("master.h5", "master.h5:/entry/data", "master.h5:/entry/data/data"):
        image = open_image(f"{tmp_path}/{name}")
        assert image.path == f"{tmp_path}/master.h5:/entry/data/data"
        np.testing.assert_array_equal(pixels(image), picture((3, 20, 30)))


def test_a_link_that_leads_nowhere_is_named(linking, tmp_path):
    said = r"/entry/gone leads to /data of gone\.h5, which is missing; put that file beside it"
    with pytest.raises(InputError, match=said):
        open_image(f"{linking}:/entry/gone")
    assert contents(linking)[-1] == f"{linking}:/entry/gone is missing: /data of gone.h5"
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["img"] = h5py.ExternalLink("gone.h5", "/data")
    with pytest.raises(InputError, match=r"master\.h5: /img leads to /data of gone\.h5"):
        open_image(tmp_path / "master.h5")


def gathered(path, sources, inner="raw"):
    """A data set gathered from the planes of others."""
    layout = h5py.VirtualLayout((len(sources), 20, 30), "uint8")
    for number, source in enumerate(sources):
        layout[number] = h5py.VirtualSource(source, inner, (20, 30))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("stack", layout)


def test_a_data_set_gathered_from_files_needs_them_all(tmp_path, picture, pixels):
    for number in range(3):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file["raw"] = picture((3, 20, 30))[number]
    gathered(tmp_path / "v.h5", [f"{number}.h5" for number in range(3)])
    image = open_image(tmp_path / "v.h5")
    np.testing.assert_array_equal(pixels(image), picture((3, 20, 30)))
    assert len(image.files.paths) == 4
    image.close()
    gathered(tmp_path / "other.h5", ["0.h5"], "clean")
    with pytest.raises(InputError, match=r"planes in clean of .*0\.h5, which is not there"):
        open_image(tmp_path / "other.h5")
    (tmp_path / "1.h5").unlink()
    with pytest.raises(InputError, match=r"v\.h5:/stack: has planes in 1\.h5, which is missing"):
        open_image(tmp_path / "v.h5")


@pytest.mark.parametrize("chunks", [(1, 20, 30), None])
def test_chunks_that_were_never_written_are_counted(tmp_path, picture, chunks):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", (3, 20, 30), "uint8", chunks=chunks)
    assert open_image(tmp_path / "a.h5").missing_chunks() == ((3, 3) if chunks else (1, 1))
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["raw"][1] = picture((20, 30))
    assert open_image(tmp_path / "a.h5").missing_chunks() == ((2, 3) if chunks else (0, 1))
