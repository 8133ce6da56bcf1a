from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.layers import Layer

from pellucid.io.image import Plane
from pellucid.io.pixel_size import PixelSize
from pellucid.io.writing import write_array
from pellucid.napari_plugin.reader import FILE, get_reader
from tests.napari_plugin.made import noise


def layers_of(path):
    return [Layer.create(*data) for data in get_reader(str(path))(str(path))]


@pytest.mark.parametrize("extension", [".tif", ".zarr", ".mrc", ".h5", ".npy"])
def test_pixels_axes_and_calibration_reach_the_layer(tmp_path, extension):
    path, stack = tmp_path / f"stack{extension}", noise((3, 40, 50), "uint16")
    size = PixelSize({"Z": 50.0, "Y": 4.0, "X": 4.0}, "nm")
    write_array(path, stack, pixel_size=None if extension == ".npy" else size)
    [layer] = layers_of(path)
    assert isinstance(layer.data, da.Array)
    np.testing.assert_array_equal(layer.data.compute(), stack)
    assert layer.axis_labels == ("z", "y", "x")
    assert layer.metadata[FILE].startswith(str(path))
    if extension != ".npy":
        metres = [float((scale * unit).to("m").magnitude) for scale, unit in zip(layer.scale, layer.units, strict=True)]
        np.testing.assert_allclose(metres, [50e-9, 4e-9, 4e-9])


def test_only_the_plane_that_is_shown_is_read(tmp_path, monkeypatch):
    write_array(tmp_path / "stack.tif", noise((50, 64, 64)))
    [(pixels, _, _)] = get_reader(str(tmp_path / "stack.tif"))(str(tmp_path / "stack.tif"))
    from pellucid.io.image import Image

    read = []
    original = Image.read_block
    monkeypatch.setattr(Image, "read_block", lambda *args: read.append(args[1]) or original(*args))
    monkeypatch.setattr(Plane, "read", lambda _: pytest.fail("a whole plane was read"))
    assert pixels[7].compute().shape == (64, 64)
    assert read == [(slice(7, 8),)]


def test_each_channel_is_a_layer(tmp_path):
    cells = noise((2, 3, 32, 40))  # (C, Z, Y, X)
    write_array(tmp_path / "cells.ome.tif", cells, axes="CZYX", pixel_size=PixelSize({"Y": 0.1, "X": 0.1}, "µm"))
    first, second = layers_of(tmp_path / "cells.ome.tif")
    assert (first.name, second.name) == ("cells.ome.tif 0", "cells.ome.tif 1")
    np.testing.assert_array_equal(second.data.compute(), cells[1])
    assert second.axis_labels == ("z", "y", "x")
    np.testing.assert_allclose(second.scale, [1, 0.1, 0.1])
    assert [str(unit) for unit in second.units] == ["pixel", "micrometer", "micrometer"]


def test_what_napari_reads_better_or_alone_is_left_to_it(tmp_path):
    write_array(tmp_path / "a.png", noise((20, 20)))
    tifffile.imwrite(tmp_path / "colour.tif", np.random.default_rng(0).integers(0, 9, (20, 20, 3)).astype("uint8"))
    np.save(tmp_path / "mask.npy", np.zeros((20, 20), bool))
    (tmp_path / "folder").mkdir()
    for name in ("a.png", "colour.tif", "mask.npy", "folder", "notes.txt"):
        assert get_reader(str(tmp_path / name)) is None
    assert get_reader([str(tmp_path / "colour.tif")] * 2) is None
