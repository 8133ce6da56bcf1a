from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.registry import open_image
from pellucid.napari_plugin.reader import read_layers
from pellucid.napari_plugin.writer import write_layers
from tests.napari_plugin.made import noise


def tuples(*layers):
    return [layer.as_layer_data_tuple() for layer in layers]


@pytest.mark.parametrize(
    ("extension", "dtype", "unit"),
    [(".tif", "uint8", "nm"), (".mrc", "uint16", "Å"), (".h5", "float32", "µm"), (".zarr", "int16", "nm")],
)
def test_pixels_and_calibration_come_back(viewer, tmp_path, extension, dtype, unit):
    stack = noise((3, 24, 32), dtype)
    layer = viewer.add_image(stack, scale=(30, 5, 5), units=(unit,) * 3, axis_labels=("z", "y", "x"))
    path = str(tmp_path / f"a{extension}")
    assert write_layers(path, tuples(layer)) == [path]
    [(pixels, attributes, _)] = read_layers(path)
    np.testing.assert_array_equal(pixels.compute(), stack)
    again = type(layer)(pixels, **attributes)
    for axis in range(3):
        assert (again.scale[axis] * again.units[axis]).to("m").magnitude == pytest.approx(
            (layer.scale[axis] * layer.units[axis]).to("m").magnitude
        )


def test_a_zarr_keeps_the_translation_and_others_say_that_they_do_not(viewer, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr("pellucid.napari_plugin.writer.show_info", told.append)
    layer = viewer.add_image(noise((24, 32)), scale=(5, 5), units=("nm", "nm"), translate=(100, -20))
    write_layers(str(tmp_path / "a.zarr"), tuples(layer))
    assert told == []
    assert read_layers(str(tmp_path / "a.zarr"))[0][1]["translate"] == [100, -20]
    write_layers(str(tmp_path / "a.tif"), tuples(layer))
    assert any("position" in line for line in told)


def test_layers_of_one_kind_become_channels(viewer, tmp_path):
    one, two = (viewer.add_image(noise((2, 24, 32), seed=seed), axis_labels=("t", "y", "x")) for seed in (1, 2))
    lazy = viewer.add_image(da.from_array(two.data, chunks=(1, 24, 32)), axis_labels=("t", "y", "x"))
    write_layers(str(tmp_path / "a.zarr"), tuples(one, lazy))
    image = open_image(tmp_path / "a.zarr")
    assert (image.axes, image.shape) == ("TCYX", (2, 2, 24, 32))
    np.testing.assert_array_equal(read_layers(str(tmp_path / "a.zarr"))[1][0].compute(), two.data)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([], "no layer is given"),
        (None, "is no list of layers"),
        (noise((24, 32)), "is no list of layers"),
        ([noise((24, 32))], "is no layer data"),
        ((noise((24, 32)), {}, "image"), "is no layer data"),
        ([(noise((24, 32)), {})], "is no layer data"),
        ([(noise((24, 32)), None, "image")], "is no layer data"),
        ([(noise((24, 32)).astype(int), {"name": "cells"}, "labels")], "cells: is a layer of labels"),
        ([([[1, 2], [3, 4]], {"name": "cells"}, "image")], "cells: holds no array"),
        ([([], {"multiscale": True}, "image")], "holds no array"),
    ],
)
def test_what_is_no_layer_is_refused_in_one_line(tmp_path, layers, reason):
    with pytest.raises(InputError, match=reason) as refusal:
        write_layers(str(tmp_path / "a.tif"), layers)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_what_a_format_cannot_hold_is_refused_in_one_line(viewer, tmp_path):
    grey, other = viewer.add_image(noise((24, 32))), viewer.add_image(noise((24, 40)))
    wide = viewer.add_image(noise((24, 32), "float32"))
    turned = viewer.add_image(noise((24, 32)), rotate=30)
    colour = viewer.add_image(noise((24, 32, 3)), rgb=True)
    mask = viewer.add_image(np.zeros((24, 32), bool))
    write_layers(str(tmp_path / "there.tif"), tuples(grey))
    for name, layers, reason in (
        ("a.png", [wide], "cannot hold float32"),
        ("a.jpg", [grey], "only read"),
        ("a.xyz", [grey], "unknown extension"),
        ("a.tif", [grey, other], "that differ"),
        ("a.tif", [turned], "transformed"),
        ("a.tif", [colour], "in colour"),
        ("a.tif", [mask], "bool pixels"),
        ("there.tif", [grey], "exists"),
    ):
        with pytest.raises(InputError, match=reason) as refusal:
            write_layers(str(tmp_path / name), tuples(*layers))
        assert "\n" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["there.tif"]
