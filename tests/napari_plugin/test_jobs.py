from __future__ import annotations

import tracemalloc

import dask.array as da
import numpy as np
import pytest

import pellucid
from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError
from pellucid.inference.tiles import Box
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array
from pellucid.methods import build_denoiser, make_recipe
from pellucid.model import Model
from pellucid.napari_plugin import jobs
from pellucid.napari_plugin.denoising import denoise_into_memory, preview
from pellucid.napari_plugin.jobs import denoise_job, in_one_line, preview_job, trust_job
from pellucid.napari_plugin.reader import read_layers
from pellucid.napari_plugin.sample_data import tissue_layers
from pellucid.napari_plugin.snapshot import Snapshot
from pellucid.napari_plugin.visible import Region, visible_region
from pellucid.napari_plugin.watch import Watch
from tests.napari_plugin.made import added, finished, noise, opener, ordered, snapshot


def denoised(order, watch=None):
    return finished(denoise_job(order, opener(), watch or Watch()))


def test_a_layer_is_denoised_as_the_library_does_it_and_keeps_its_place_and_looks(viewer):
    stack = noise((3, 40, 50))
    layer = viewer.add_image(
        stack,
        scale=(30, 5, 5),
        units=("nm",) * 3,
        axis_labels=("t", "y", "x"),
        translate=(0, 10, 20),
        contrast_limits=(90, 150),
        colormap="magma",
        gamma=0.7,
    )
    made = denoised(ordered(layer, removed=True))
    [removed, result] = [type(layer)(pixels, **attributes) for pixels, attributes, _ in made.layers]
    np.testing.assert_array_equal(result.data, pellucid.denoise(stack, recipe="gaussian"))
    assert result.data.dtype == stack.dtype
    for name in ("scale", "translate"):
        np.testing.assert_array_equal(getattr(result, name), getattr(layer, name))
    for name in ("units", "axis_labels", "contrast_limits", "gamma"):
        assert getattr(result, name) == getattr(layer, name)
    assert result.colormap.name == "magma"
    np.testing.assert_array_equal(removed.data, stack.astype(np.float32) - result.data)


def test_the_axes_of_a_layer_may_have_any_order(viewer):
    volume = noise((40, 3, 50))
    layer = viewer.add_image(volume, axis_labels=("y", "z", "x"))
    [(result, _, _)] = denoised(ordered(layer)).layers
    expected = pellucid.denoise(np.moveaxis(volume, 1, 0), recipe="gaussian")
    np.testing.assert_array_equal(result, np.moveaxis(expected, 0, 1))


def test_a_model_of_yours_is_a_folder_or_a_file_in_it(viewer, trained, pictures):
    image = open_image(pictures / "noisy" / "b0.png").planes[0].read()
    layer = viewer.add_image(image)
    expected = pellucid.load(trained).denoise(image)
    for place in (trained, trained / "recipe.toml"):
        [(result, _, _)] = denoised(ordered(layer, recipe=None, model=str(place))).layers
        np.testing.assert_array_equal(result, expected)


def test_another_pixel_type_takes_black_and_white_from_the_contrast_limits(viewer, trained):
    layer = viewer.add_image(noise((40, 40), "uint16"))
    with pytest.raises(InputError, match="contrast limits"):
        denoised(ordered(layer, recipe=None, model=str(trained)))
    order = ordered(layer, recipe=None, model=str(trained), limits=(60.0, 180.0))
    assert denoised(order).layers[0][0].dtype == np.uint16


def test_the_preview_is_the_same_region_of_the_whole_result(viewer):
    for data in tissue_layers():
        layer = added(viewer, data)
    order = ordered(layer, removed=True, recipe=None)  # the model in the box, which has no norms
    layer.corner_pixels = np.array([[101, 50], [300, 333]])
    region = visible_region(order.noisy, layer, viewer.dims)
    removed, preview = finished(preview_job(order, region, opener(), Watch())).layers
    [(whole, _, _)] = denoised(ordered(layer, recipe=None)).layers
    np.testing.assert_array_equal(preview[0], whole[101:301, 50:334])
    np.testing.assert_array_equal(preview[1]["translate"], [1010, 500])
    assert removed[0].shape == preview[0].shape


@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_model_of_slices_sees_those_of_the_layer_in_the_preview_too(viewer, place):
    recipe = make_recipe("student", settings={"slices": 3, "width": 4, "depth": 2})
    model = Model(recipe, build_denoiser(recipe), IntensityRange.from_limits(0, 255), device="cpu")
    noisy = snapshot(viewer.add_image(noise((4, 200, 64))))
    region = Region((place,), Box(80, 120, 10, 40))
    (shown, _, _), *_ = finished(preview(noisy, model, Watch(), region)).layers
    (whole, _, _), *_ = finished(denoise_into_memory(noisy, model, Watch())).layers
    np.testing.assert_array_equal(shown[0], whole[place, 80:120, 10:40])
    np.testing.assert_array_equal(whole, model.denoise(noisy.pixels))


def test_the_visible_region_follows_sliders_and_is_refused_in_3d(viewer):
    layer = viewer.add_image(noise((2, 5, 40, 50)), scale=(1, 2, 1, 1))
    viewer.dims.set_point((0, 1), (1, 6))
    layer.corner_pixels = np.array([[0, 0, 10, 20], [1, 4, 100, 29]])
    region = visible_region(snapshot(layer), layer, viewer.dims)
    assert region.leading == (1, 3)
    assert region.box == (10, 40, 20, 30)
    viewer.dims.ndisplay = 3
    with pytest.raises(InputError, match="2-D view"):
        visible_region(snapshot(layer), layer, viewer.dims)


def test_a_file_goes_into_a_folder_and_is_shown_from_there(viewer, tmp_path):
    stack = noise((4, 40, 50))
    write_array(tmp_path / "stack.tif", stack)
    layer = added(viewer, read_layers(str(tmp_path / "stack.tif"))[0])
    made = denoised(ordered(layer, folder=tmp_path / "results"))
    [(pixels, attributes, _)] = made.layers
    assert isinstance(pixels, da.Array)
    assert made.lines[0] == str(tmp_path / "results" / "stack.tif_denoised.zarr")
    np.testing.assert_array_equal(pixels.compute(), pellucid.denoise(stack, recipe="gaussian"))
    assert attributes["axis_labels"] == ("z", "y", "x")
    with pytest.raises(InputError, match="exists"):
        denoised(ordered(layer, folder=tmp_path / "results"))


def test_a_stopped_file_is_resumed_by_the_same_order(viewer, tmp_path):
    stack = noise((6, 40, 50))
    write_array(tmp_path / "stack.tif", stack)
    layer = added(viewer, read_layers(str(tmp_path / "stack.tif"))[0])
    watch = Watch()
    watch.show = lambda progress: watch.stop() if progress.done >= 2 else None  # two planes are done
    order = ordered(layer, folder=tmp_path / "results")
    assert finished(in_one_line(denoise_job(order, opener(), watch))) == ([], ["stopped"])
    assert not (tmp_path / "results" / "stack.tif_denoised.zarr").exists()
    [(pixels, _, _)] = denoised(order).layers
    np.testing.assert_array_equal(pixels.compute(), pellucid.denoise(stack, recipe="gaussian"))
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["stack.tif_denoised.zarr"]


def test_a_large_lazy_layer_needs_a_folder(viewer, monkeypatch):
    monkeypatch.setattr(jobs, "LARGEST", 1000)
    layer = viewer.add_image(da.from_array(noise((4, 40, 50)), chunks=(1, 40, 50)))
    with pytest.raises(InputError, match="choose the folder"):
        denoised(ordered(layer))


def test_memory_does_not_grow_with_a_lazy_volume(viewer, tmp_path):
    """All 24 planes of 256 KiB, noisy and denoised, would double what one of them takes."""
    volume = da.random.default_rng(0).integers(0, 255, (24, 512, 512), dtype="uint8", chunks=(1, 512, 512))
    layer = viewer.add_image(volume, contrast_limits=(0, 255))
    work = denoise_job(ordered(layer, folder=tmp_path, recipe="noisy", limits=(0.0, 255.0)), opener(), Watch())
    tracemalloc.start()
    try:
        peaks = [tracemalloc.get_traced_memory()[1] for _ in work]
    finally:
        tracemalloc.stop()
    assert len(peaks) == 1 + 24
    assert peaks[-1] < 1.4 * peaks[6]


def test_work_stops_within_one_tile_and_leaves_nothing(viewer, tmp_path):
    layer = viewer.add_image(da.from_array(noise((3, 2200, 2200)), chunks=(1, 2200, 2200)))
    watch = Watch()
    tiles = []

    def show(progress):
        if progress.title == "denoising" and 0 < progress.done < 2200 * 2200:  # within the first plane
            tiles.append(progress)
            watch.stop()

    watch.show = show
    order = ordered(layer, folder=tmp_path, limits=(0.0, 255.0), recipe="gaussian")
    made = finished(in_one_line(denoise_job(order, opener(), watch)))
    assert made == ([], ["stopped"])
    assert len(tiles) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_verdict_comes_with_what_was_removed(viewer, hasty):
    layer = viewer.add_image(tissue_layers()[1][0][:128, :128])
    layer.corner_pixels = np.array([[0, 0], [63, 63]])
    order = ordered(layer)
    made = finished(trust_job(order, visible_region(order.noisy, layer, viewer.dims), opener(), Watch()))
    assert made.lines[0].startswith("expected")
    assert made.layers[0][0].shape == (64, 64)
    assert made.layers[0][1]["name"].endswith("removed")


@pytest.mark.parametrize(
    ("data", "attributes", "reason"),
    [
        (noise((20, 20, 3)), {"rgb": True}, "in colour"),
        (np.zeros((20, 20), bool), {}, "bool"),
        (noise((1, 1, 1, 1, 20, 20)), {}, "6 dimensions"),
    ],
)
def test_layers_that_are_no_image_are_refused_in_one_line(data, attributes, reason):
    with pytest.raises(InputError, match=reason):
        Snapshot.of(data, attributes)


def test_layers_that_are_too_small_say_so_in_one_line(viewer):
    made = finished(in_one_line(denoise_job(ordered(viewer.add_image(noise((9, 40)))), opener(), Watch())))
    assert made.layers == []
    assert "16×16" in made.lines[0]
