"""Parts of images at any zoom: exact means as long as that is cheap, a bounded sample of the pixels beyond."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from pellucid.app import open_images as module
from pellucid.app.open_images import OpenImages, read_coarse
from pellucid.app.roots import Roots
from pellucid.io.pyramid import downsample
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array

WHOLE = (slice(0, 10_000), slice(0, 10_000))


@pytest.fixture
def images(tmp_path):
    return OpenImages(Roots([tmp_path]))


@pytest.fixture
def smooth():
    """A surface that any sample of its pixels shows."""
    y, x = np.mgrid[:600, :800]
    return np.round(20_000 + 10_000 * np.sin(x / 90) * np.cos(y / 70)).astype(np.uint16)


def test_each_power_is_the_mean_of_the_finer_one(images, tmp_path, image):
    write_array(tmp_path / "a.tif", image)
    opened = images.open(str(tmp_path / "a.tif"))
    assert np.array_equal(images.read(opened, 0, 0, WHOLE), image)
    assert np.array_equal(images.read(opened, 0, 1, WHOLE), downsample(image, (2, 2)))
    part = images.read(opened, 0, 1, (slice(4, 9), slice(60, 80)))
    assert np.array_equal(part, downsample(image, (2, 2))[4:9, 60:80])
    assert opened.exact_to(256) >= 7


def test_an_image_is_opened_once_until_its_file_changes(images, tmp_path, image):
    path = tmp_path / "a.tif"
    write_array(path, image)
    first = images.open(str(path))
    assert images.open(str(path)) is first
    write_array(path, image[:, :64] + 1, overwrite=True)
    second = images.open(str(path))
    assert second is not first
    assert np.array_equal(images.read(second, 0, 0, WHOLE), image[:, :64] + 1)


def test_planes_that_were_not_looked_at_for_longest_are_dropped(images, tmp_path, image, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 2 * image.nbytes)
    write_array(tmp_path / "v.tif", np.stack([image + number for number in range(6)]))
    opened = images.open(str(tmp_path / "v.tif"))
    for plane in range(6):
        assert np.array_equal(images.read(opened, plane, 0, WHOLE), image + plane)
    assert sum(each.nbytes for each in images._planes.values()) <= 2 * image.nbytes


@pytest.fixture
def large(monkeypatch):
    """All images count as too large to be read as a whole."""
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "MOST_READ", 20_000)


def pixels_read(monkeypatch, opened):
    """The numbers of pixels of the windows that are read from now on."""
    read, counts = type(opened.image).read_window, []

    def counting(self, index, rows, columns):
        counts.append((rows.stop - rows.start) * (columns.stop - columns.start))
        return read(self, index, rows, columns)

    monkeypatch.setattr(type(opened.image), "read_window", counting)
    return counts


@pytest.mark.usefixtures("large")
def test_of_a_large_image_only_the_part_asked_for_is_read(images, tmp_path, smooth, monkeypatch):
    write_array(tmp_path / "a.tif", smooth)
    opened = images.open(str(tmp_path / "a.tif"))
    counts = pixels_read(monkeypatch, opened)
    part = images.read(opened, 0, 1, (slice(10, 40), slice(20, 70)))
    assert np.array_equal(part, downsample(smooth[20:80, 40:140], (2, 2)))
    assert sum(counts) == 60 * 100


@pytest.mark.usefixtures("large")
def test_the_overview_of_a_large_image_is_a_bounded_sample(images, tmp_path, smooth, monkeypatch):
    write_array(tmp_path / "a.tif", smooth)
    opened = images.open(str(tmp_path / "a.tif"))
    counts = pixels_read(monkeypatch, opened)
    overview = images.read(opened, 0, 3, WHOLE)
    exact = downsample(smooth, (8, 8))
    assert overview.shape == exact.shape
    assert sum(counts) <= module.MOST_READ < smooth.size
    assert np.abs(overview.astype(float) - exact).max() < 4000
    assert opened.exact_to(64) == 1


@pytest.mark.usefixtures("large")
def test_of_an_image_in_chunks_whole_rows_of_chunks_are_sampled(tmp_path, smooth, monkeypatch):
    write_array(tmp_path / "a.npy", smooth)
    monkeypatch.setattr(module, "MOST_READ", 8 * 16 * 800)
    image = open_image(tmp_path / "a.npy")
    image.chunks = (16, 800)
    overview = read_coarse(image, 0, 8, WHOLE)
    assert overview.shape == (75, 100)
    assert np.abs(overview.astype(float) - downsample(smooth, (8, 8))).max() < 8_000
    assert len(np.unique(overview, axis=0)) < 75  # rows between those that were read repeat the nearest


def write_levels(path, finest):
    """An OME-Zarr whose coarser levels are all 7 and all 8, so that they can be told from means of the finest."""
    group = zarr.create_group(path, zarr_format=3)
    height, width = finest.shape
    coarser = [np.full((height // 2**power, width // 2**power), 6 + power, finest.dtype) for power in (1, 2)]
    datasets = []
    for number, array in enumerate([finest, *coarser]):
        group.create_array(f"s{number}", data=array, chunks=(64, 64), dimension_names=["y", "x"])
        scale = {"type": "scale", "scale": [2.0**number] * 2}
        datasets.append({"path": f"s{number}", "coordinateTransformations": [scale]})
    axes = [{"name": name, "type": "space"} for name in "yx"]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}


@pytest.mark.usefixtures("large")
def test_the_levels_of_an_ome_zarr_are_used(images, tmp_path, smooth):
    write_levels(tmp_path / "a.zarr", smooth)
    opened = images.open(str(tmp_path / "a.zarr"))
    assert set(opened.coarser) == {1, 2}
    assert np.array_equal(images.read(opened, 0, 0, (slice(0, 64), slice(0, 64))), smooth[:64, :64])
    values = [set(np.unique(images.read(opened, 0, power, WHOLE))) for power in (1, 2, 3)]
    assert values == [{7}, {8}, {8}]
    assert opened.exact_to(64) == 3
