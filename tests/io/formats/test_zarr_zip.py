from __future__ import annotations

import zipfile

import numpy as np
import pytest
import zarr
from zarr.storage import ZipStore

from pellucid.data.output_paths import output_paths
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import contents, open_image
from pellucid.io.writing import create_image, write_array


@pytest.fixture
def zipped(tmp_path, picture, add_labels):
    """Zip a folder of an image with labels; ``within`` is the folder in the zip file."""

    def make(name, within=""):
        folder = tmp_path / "made.zarr"
        if not folder.exists():
            write_array(folder, picture((3, 20, 30)), pixel_size=PixelSize({"Z": 8.0, "Y": 4.0, "X": 4.0}, "nm"))
            add_labels(zarr.open_group(folder), "zyx", (3, 20, 30))
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            for each in sorted(folder.rglob("*")):
                if each.is_file():
                    file.write(each, within + each.relative_to(folder).as_posix())
        return tmp_path / name

    return make


@pytest.mark.parametrize("name", ["a.zarr.zip", "a.ome.zarr.zip", "A.OME.ZARR.ZIP", "a.ozx"])
@pytest.mark.parametrize("within", ["", "a.zarr/"])
def test_a_zipped_store_is_read_as_the_folder_would_be(zipped, picture, pixels, name, within):
    path = zipped(name, within)
    (image,) = open_source(path).images
    assert (image.axes, image.pixel_size) == ("ZYX", PixelSize({"Z": 8.0, "Y": 4.0, "X": 4.0}, "nm"))
    np.testing.assert_array_equal(pixels(image), picture((3, 20, 30)))
    assert "labels: nuclei" in image.style.annotations
    assert image.missing_chunks() is None
    image.close()
    np.testing.assert_array_equal(image.planes[1].read(), picture((3, 20, 30))[1])
    assert contents(path) == [f"{path} ZYX (3, 20, 30) uint8"]
    assert open_image(f"{path}:labels/nuclei/0").dtype == np.uint16


def test_a_result_is_a_folder_with_the_labels(zipped, tmp_path, picture, valid):
    path = zipped("a.ome.zarr.zip")
    (target,) = output_paths(open_source(path), tmp_path / "out")
    assert target == tmp_path / "out" / "a.ome.zarr"
    image = open_image(path)
    with create_image(target, image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    assert writer.notes == []
    assert valid(target, 3).name == "made"
    np.testing.assert_array_equal(zarr.open_array(target / "labels/nuclei/0", mode="r")[:], picture((3, 20, 30)))


def test_a_zipped_store_is_not_written(zipped, tmp_path):
    image = open_image(zipped("a.zarr.zip"))
    for name in ("b.zarr.zip", "b.ozx"):
        with pytest.raises(InputError, match=r"zipped OME-Zarr is only read; write \.zarr instead"):
            create_image(tmp_path / name, image)


def test_images_in_a_zipped_collection_are_named_as_they_are_opened(tmp_path, picture):
    with ZipStore(tmp_path / "a.zarr.zip", mode="w") as store:
        group = zarr.create_group(store)
        for name in ("one", "two"):
            group.create_array(f"A/{name}", data=picture((20, 30)))
    path = tmp_path / "a.zarr.zip"
    with pytest.raises(InputError, match=rf"none, but groups: A\. Name the one with the image, as in {path}:A/one"):
        open_image(path)
    with pytest.raises(InputError, match=rf"{path}:A: needs one .* several: one, two\. Name one, as in {path}:A/one"):
        open_image(f"{path}:A")
    assert contents(path) == [f"{path}:A/{name} YX (20, 30) uint8" for name in ("one", "two")]
    assert open_image(f"{path}:A/two").shape == (20, 30)


def test_a_zip_file_without_an_image_says_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zarr.zip", "w") as file:
        file.writestr("letters/a.txt", "hello")
    with pytest.raises(InputError, match=r"a\.zarr\.zip: "):
        open_image(tmp_path / "a.zarr.zip")
