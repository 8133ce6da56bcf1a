from __future__ import annotations

import json
import tempfile
from pathlib import Path

import dask.array
import numpy as np
import pytest
import torch
import zarr
from PIL import Image as Picture
from skimage.metrics import peak_signal_noise_ratio

import pellucid
from pellucid.errors import InputError, RunError
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array
from pellucid.methods import make_recipe

pytestmark = pytest.mark.usefixtures("undrawn")

SETTINGS = {"width": 4, "batch": 2, "steps": 3, "device": "cpu"}


class Labelled:
    """An array with named axes, as xarray has them."""

    def __init__(self, data, dims, coords=None, attrs=None, name=None):
        self.data, self.dims, self.coords, self.attrs, self.name = data, dims, coords, attrs, name

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.data)

    def copy(self, data):
        return Labelled(data, self.dims, self.coords, self.attrs, self.name)


@pytest.fixture
def pixels():
    """All planes of an image in its own shape."""

    def read(image):
        return np.stack([plane.read() for plane in image.planes]).reshape(image.shape)

    return read


@pytest.fixture(scope="module")
def model(trained):
    return pellucid.load(trained, device="cpu")


@pytest.fixture
def plain(noisy):
    """A model without networks: what it denoises takes no time."""
    return pellucid.Model.for_images(make_recipe("gaussian"), noisy, device="cpu")


@pytest.fixture
def noisy(pictures):
    return np.asarray(Picture.open(pictures / "noisy" / "b0.png"))


@pytest.mark.parametrize("shape", [(96, 96), (3, 96, 96), (2, 1, 96, 96)])
def test_an_array_gives_an_array_of_its_shape_and_type(shape, model, noisy):
    array = np.broadcast_to(noisy, shape)
    before = array.copy()
    done = model.denoise(array)
    assert isinstance(done, np.ndarray)
    assert (done.shape, done.dtype) == (shape, np.uint8)
    assert np.array_equal(array, before)
    assert np.array_equal(done.reshape(-1, 96, 96)[-1], model.denoise(noisy))


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (50, 19)])
def test_any_size_from_16_up(shape, model, noisy):
    assert model.denoise(noisy[: shape[0], : shape[1]]).shape == shape


def test_too_small_an_array_is_refused(model, noisy):
    with pytest.raises(InputError, match="15×40 pixels, but at least 16×16"):
        model.denoise(noisy[:15, :40])


def test_python_and_the_command_line_agree(model, noisy, pictures, trained, tmp_path, command):
    assert command("denoise", pictures / "noisy" / "b0.png", tmp_path / "a.png", "--model", trained).status == 0
    assert np.array_equal(np.asarray(Picture.open(tmp_path / "a.png")), model.denoise(noisy))
    path = model.denoise(str(pictures / "noisy"), tmp_path / "all")
    assert path == tmp_path / "all"
    assert (path / "b0.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_files_need_an_output(plain, noisy, tmp_path):
    write_array(tmp_path / "in" / "cells.ome.tif", noisy)
    for given in (tmp_path / "in" / "cells.ome.tif", str(tmp_path / "in"), [tmp_path / "in"]):
        with pytest.raises(InputError, match="say where the result shall go"):
            plain.denoise(given)
        with pytest.raises(InputError, match="say where the result shall go"):
            pellucid.denoise(given, recipe="median")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "cells.ome.tif"]
    assert plain.denoise(tmp_path / "in", tmp_path / "out") == tmp_path / "out"
    assert (tmp_path / "out" / "cells.ome.tif").exists()


def test_options_of_files_do_not_go_with_arrays(plain, noisy, tmp_path):
    with pytest.raises(InputError, match="estimates: goes with files; an array gives an array"):
        plain.denoise(noisy, estimates=True)
    with pytest.raises(InputError, match="arrays in a list have no names"):
        plain.denoise([noisy], tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.tif", "a.zarr", "a.h5:/raw"])
def test_an_array_with_an_output_gives_a_file(name, plain, noisy, tmp_path, pixels):
    stack = np.stack([noisy, noisy[::-1]])
    path = plain.denoise(stack, f"{tmp_path}/{name}")
    assert str(path) == f"{tmp_path}/{name}"
    assert np.array_equal(pixels(open_image(path)), plain.denoise(stack))
    with pytest.raises(InputError, match="exists already"):
        plain.denoise(stack, path)
    assert plain.denoise(stack, path, overwrite=True) == path


def test_each_kind_of_array_gives_its_own_kind(plain, noisy):
    stack = np.stack([noisy, noisy[::-1]])
    expected = plain.denoise(stack)
    tensor = plain.denoise(torch.from_numpy(stack))
    assert isinstance(tensor, torch.Tensor)
    assert np.array_equal(tensor.numpy(), expected)
    big_endian = plain.denoise(stack.astype(">u2"), intensity_range=(0, 255))
    assert big_endian.dtype == np.dtype(">u2")
    zarr_array = zarr.array(stack, chunks=(2, 40, 40))
    assert np.array_equal(plain.denoise(zarr_array), expected)
    several = plain.denoise([stack, noisy[:40], torch.from_numpy(noisy.copy())])
    assert [type(each) for each in several] == [np.ndarray, np.ndarray, torch.Tensor]
    assert np.array_equal(several[0], expected)
    assert plain.removed.pixels.number == stack.size + noisy[:40].size + noisy.size
    assert np.array_equal(several[1], plain.denoise(noisy[:40]))
    for array in (np.asfortranarray(stack), stack[:, ::-1][:, ::-1], np.broadcast_to(noisy, (2, 96, 96))[:1]):
        assert np.array_equal(plain.denoise(array), expected[: len(array)])


def test_bfloat16_is_read_exactly_and_comes_back(noisy):
    half = torch.tensor(noisy).float().div(255).bfloat16()
    denoised = pellucid.denoise(half, recipe="gaussian", device="cpu")
    assert denoised.dtype == torch.bfloat16
    assert torch.equal(denoised, torch.tensor(pellucid.denoise(half.float().numpy(), recipe="gaussian")).bfloat16())


def test_named_axes_and_coordinates_stay(plain, noisy):
    stack = np.stack([noisy, noisy[::-1]])
    given = Labelled(stack.transpose(2, 1, 0), ("x", "y", "z"), {"z": [0, 30]}, {"unit": "nm"}, "cells")
    done = plain.denoise(given)
    assert (done.dims, done.coords, done.attrs, done.name) == (given.dims, given.coords, given.attrs, "cells")
    assert np.array_equal(done.data, plain.denoise(stack).transpose(2, 1, 0))
    later = plain.denoise(Labelled(dask.array.from_array(stack, chunks=(1, 50, 50)), ("z", "y", "x")))
    assert np.array_equal(later.data.compute(), plain.denoise(stack))


def test_a_mask_stays_and_what_is_under_it_changes_nothing(model, noisy):
    noisy = noisy[:48, :64]
    mask = np.zeros(noisy.shape, bool)
    mask[10:20, 30:50] = True
    one, other = noisy.copy(), noisy.copy()
    one[mask], other[mask] = 0, 255
    results = [model.denoise(np.ma.MaskedArray(pixels, mask, fill_value=9)) for pixels in (one, other)]
    for given, result in zip((one, other), results, strict=True):
        assert np.array_equal(result.mask, mask)
        assert result.fill_value == 9
        assert np.array_equal(result.data[mask], given[mask])
    assert np.array_equal(results[0].data[~mask], results[1].data[~mask])


def test_a_dask_array_is_denoised_when_it_is_computed(plain, noisy, tmp_path, pixels):
    read = []

    def block(value, block_info=None):
        read.append(block_info[0]["array-location"][0])
        return value

    stack = np.stack([noisy, noisy[::-1], noisy[:, ::-1]])
    given = dask.array.from_array(stack, chunks=(1, 50, 96)).map_blocks(block, dtype=stack.dtype, meta=stack[:0])
    later = plain.denoise(given)
    assert isinstance(later, dask.array.Array)
    assert (later.shape, later.dtype, read) == (stack.shape, stack.dtype, [])
    expected = plain.denoise(stack)
    assert np.array_equal(later[1].compute(), expected[1])
    assert set(read) == {(1, 2)}  # the other planes were not touched
    assert np.array_equal(later.compute(), expected)
    assert later.name == plain.denoise(given).name  # the same is computed once
    assert later.name != plain.with_intensity_range(0, 200).denoise(given).name
    path = plain.denoise(given, tmp_path / "a.zarr")
    assert np.array_equal(pixels(open_image(path)), expected)


@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy, lambda array: Labelled(array, ("y", "x", "c"))])
def test_grey_levels_in_three_colours_are_told_as_colour(make, plain, noisy):
    array = np.repeat(noisy[:20, :30, None], 3, axis=2)
    if not isinstance(make(array), Labelled):
        with pytest.raises(InputError, match="is a colour image, by its last axis"):
            plain.denoise(make(array))
    else:  # here the axes say that these are channels
        assert np.array_equal(plain.denoise(make(array)).data[..., 1], plain.denoise(noisy[:20, :30]))


def test_what_is_no_image_is_told_by_its_type(plain):
    for given in (None, 7, {"a": 1}, [None], object()):
        with pytest.raises(InputError, match=r"is of the type .*, which is not an image"):
            plain.denoise(given)


def test_files_and_arrays_in_one_list_are_told_apart(plain, noisy):
    with pytest.raises(InputError, match="the list holds files and arrays"):
        plain.denoise([noisy, "noisy.png"])


@pytest.mark.parametrize("intensity_range", [(3,), "ab", 5, (), (0, 1, 2)])
def test_intensities_are_two_numbers(intensity_range, plain, noisy):
    with pytest.raises(InputError, match=r"black and white are wanted, as in intensity_range=\(0, 255\)"):
        plain.denoise(noisy, intensity_range=intensity_range)


def test_a_saved_model_is_the_same(model, trained, noisy, tmp_path):
    for weights in ("last", "average"):
        loaded = pellucid.load(trained, weights=weights, device="cpu")
        assert loaded.save(tmp_path / weights) == tmp_path / weights
        again = pellucid.load(tmp_path / weights, device="cpu")
        assert np.array_equal(again.denoise(noisy[:48, :48]), loaded.denoise(noisy[:48, :48]))
        assert (again.intensity_range, again.dtype, again.variant) == (
            loaded.intensity_range,
            loaded.dtype,
            f"{weights} weights",
        )
        assert len(again.trained) == len(loaded.trained)
    with pytest.raises(InputError, match="exists already"):
        model.save(tmp_path / "last")
    files = {str(path.relative_to(tmp_path / "last")) for path in (tmp_path / "last").rglob("*") if path.is_file()}
    named = {"recipe.toml", "model.json", "provenance.json", "structure.json", "card.md"}
    assert files == named | {"weights/last.safetensors", "weights/last-statistics.safetensors"}
    for name in named:
        assert str(trained.parent) not in (tmp_path / "last" / name).read_text()


def test_a_saved_model_for_other_intensities_and_parts_of_one(model, noisy, tmp_path):
    wide = model.with_intensity_range(0, 1020)
    wide.save(tmp_path / "wide")
    array = noisy[:48, :48].astype("uint16") * 4
    assert np.array_equal(pellucid.load(tmp_path / "wide", device="cpu").denoise(array), wide.denoise(array))
    with pytest.raises(InputError, match="this is F alone: save the whole model"):
        model.only("F").save(tmp_path / "F")
    with pytest.raises(InputError, match="statistics of this model's training are not known"):
        pellucid.Model(model.recipe, model.denoiser, model.intensity_range).save(tmp_path / "made")
    with pytest.raises(InputError, match="has learned nothing"):
        pellucid.Model.for_images(make_recipe("median"), noisy).save(tmp_path / "median")
    with pytest.raises(InputError, match="is a saved model; resume the run"):
        pellucid.resume(tmp_path / "wide", device="cpu")
    assert [path.name for path in tmp_path.iterdir()] == ["wide"]


def test_a_model_that_cannot_be_saved_leaves_nothing(model, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pellucid.runs.model_store.save", full)
    with pytest.raises(RunError, match="disk full while writing"):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_model_says_what_it_is(model, noisy):
    known = f"for uint8, black 0, white 255, digest {model.digest[:12]}, on cpu (as asked)"
    assert repr(model) == f"<Model proposed (average weights) {known}>"
    only = model.only("F").with_intensity_range(1, 2.5)
    known = f"for any pixel type, black 1, white 2.5, digest {only.digest[:12]}, on cpu (as asked)"
    assert repr(only) == f"<Model proposed (average weights, F alone) {known}>"
    assert only.digest != model.digest
    assert repr(pellucid.Model.for_images(make_recipe("median"), noisy)).startswith("<Model median (paper) for uint8")


def test_completion_offers_public_names_alone(model):
    assert dir(pellucid) == sorted(pellucid.__all__)
    assert {"denoise", "save", "load", "only", "with_intensity_range", "recipe"} <= set(dir(model))
    assert not [name for name in dir(model) if name.startswith("_")]


@pytest.mark.parametrize("dtype", ["uint16", "float32", "int16"])
def test_another_pixel_type_needs_the_intensities(dtype, model, noisy):
    array = noisy.astype(dtype) * 4
    with pytest.raises(
        InputError, match=rf"has {dtype} pixels, but the model was trained on uint8.*intensity_range=\(LOW"
    ):
        model.denoise(array)
    done = model.denoise(array, intensity_range=(0, 1020))
    assert done.dtype == dtype
    assert np.abs(done / 4 - model.denoise(noisy)).max() <= 0.63
    with pytest.raises(InputError, match="was trained on uint8"):
        model.denoise(array)  # the model itself is as it was


def test_intensities_the_wrong_way_round_are_refused(model, noisy):
    with pytest.raises(InputError, match="the lower first"):
        model.denoise(noisy, intensity_range=(255, 0))


def test_denoise_needs_no_run_for_what_needs_no_training(noisy, tmp_path):
    write_array(tmp_path / "cells.tif", noisy)
    array = pellucid.denoise(noisy, recipe="median")
    assert (array.shape, array.dtype) == (noisy.shape, np.uint8)
    path = pellucid.denoise(tmp_path / "cells.tif", tmp_path / "out.tif", recipe="median", noise=True)
    assert path == tmp_path / "out.tif"
    assert np.array_equal(np.asarray(Picture.open(path)), array)
    with pytest.raises(InputError, match="exists already"):
        pellucid.denoise(tmp_path / "cells.tif", path, recipe="median")
    assert pellucid.denoise(tmp_path / "cells.tif", path, recipe="median", overwrite=True) == path
    with pytest.raises(InputError, match="an array gives an array"):
        pellucid.denoise(noisy, recipe="median", noise=True)


def test_denoise_takes_either_a_model_or_a_recipe(model, trained, noisy):
    expected = model.denoise(noisy)
    assert np.array_equal(pellucid.denoise(noisy, model=model), expected)
    assert np.array_equal(pellucid.denoise(noisy, model=trained, device="cpu"), expected)
    wide = pellucid.denoise(noisy.astype("uint16") * 4, model=model, intensity_range=(0, 1020))
    assert np.abs(wide / 4 - expected).max() <= 0.63
    for wrong, said in (
        ({"seed": 3}, "preset and settings go with a recipe"),
        ({"model": model, "recipe": "median"}, "both a model and a recipe were given"),
        ({"model": model, "seed": 3}, "preset and settings go with a recipe"),
    ):
        with pytest.raises(InputError, match=said) as told:
            pellucid.denoise(noisy, **wrong)
        assert "\n" not in str(told.value)


def test_options_of_files_are_one_object_or_keywords(plain, noisy, tmp_path, capsys):
    write_array(tmp_path / "a.tif", noisy)
    options = pellucid.DenoiseOptions(noise=True, region="0:40,0:50")
    plain.dry_run(tmp_path / "a.tif", tmp_path / "b.tif", options)
    assert "Y 0:40, X 0:50" in capsys.readouterr().err
    assert not (tmp_path / "b.tif").exists()
    (one,) = plain.denoise_files(tmp_path / "a.tif", tmp_path / "b.tif", options)
    plain.denoise(tmp_path / "a.tif", tmp_path / "c.tif", noise=True, region="0:40,0:50")
    assert one.path.read_bytes() == (tmp_path / "c.tif").read_bytes()
    assert open_image(tmp_path / "noise" / "c.tif").shape == (40, 50)


def test_denoise_refuses_what_learns_first(noisy):
    with pytest.raises(InputError, match="dncnn learns first: pellucid train --recipe dncnn"):
        pellucid.denoise(noisy, recipe="dncnn")


def test_load_takes_weights_and_memory(trained, noisy):
    last, average = (pellucid.load(trained, weights=weights).denoise(noisy) for weights in ("last", "average"))
    assert not np.array_equal(last, average)
    assert np.array_equal(pellucid.load(trained).denoise(noisy), average)
    assert pellucid.load(trained, memory=12345).memory == 12345


def test_train_gives_a_model_and_a_run(pictures, noisy, tmp_path):
    execution = pellucid.Execution(amp=True)
    model = pellucid.train(pictures / "clean", pictures / "noisy", tmp_path / "run", execution=execution, **SETTINGS)
    assert isinstance(model, pellucid.Model)
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["device"] == "cpu (as asked)"
    assert [provenance[name] for name in ("processes", "amp", "compile", "local_statistics")] == [1, True, False, False]
    assert np.array_equal(model.denoise(noisy), pellucid.load(tmp_path / "run").denoise(noisy))
    assert pellucid.resume(tmp_path / "run", device="cpu").recipe == model.recipe


def test_train_on_arrays_without_a_folder_leaves_nothing_behind(noisy, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    clean = dask.array.from_array(noisy[::-1], chunks=50)
    model = pellucid.train(clean, [noisy, torch.tensor(noisy), zarr.array(noisy[:, :50])], **SETTINGS)
    assert model.denoise(noisy[:32, :32]).shape == (32, 32)
    assert not list(tmp_path.iterdir())


def test_a_stop_without_a_folder_says_that_nothing_is_kept(noisy, monkeypatch):
    from pellucid.errors import Interrupted

    def stop(*_):
        raise Interrupted("stopped after step 1")

    monkeypatch.setattr("pellucid.runs.trainer.fit", stop)
    with pytest.raises(Interrupted, match=r"nothing was kept: give a folder as out="):
        pellucid.train(noisy[::-1].copy(), noisy, **SETTINGS)


@pytest.mark.parametrize("make", [torch.tensor, zarr.array, lambda array: dask.array.from_array(array, chunks=50)])
def test_evaluate_takes_arrays_of_any_kind(make, pictures, noisy):
    truth = np.asarray(Picture.open(pictures / "truth" / "b0.png"))
    assert pellucid.evaluate(make(noisy), [make(truth)]).mean == pellucid.evaluate(noisy, truth).mean


def test_evaluate_leaves_masked_pixels_out(pictures, noisy):
    truth = np.asarray(Picture.open(pictures / "truth" / "b0.png"))
    mask = np.indices(noisy.shape)[0] < 40
    expected = pellucid.evaluate(noisy[40:], truth[40:])
    assert pellucid.evaluate(np.ma.MaskedArray(noisy, mask), truth).mean.psnr == pytest.approx(expected.mean.psnr)
    assert pellucid.evaluate(noisy, np.ma.MaskedArray(truth, mask)).mean.ssim == pytest.approx(expected.mean.ssim)


def test_wrong_settings_are_refused(pictures):
    with pytest.raises(InputError, match="unknown setting 'stepps': did you mean 'steps'"):
        pellucid.train(pictures / "clean", pictures / "noisy", stepps=3)


def test_evaluate_is_that_of_scikit_image(pictures, noisy):
    truth = np.asarray(Picture.open(pictures / "truth" / "b0.png"))
    expected = peak_signal_noise_ratio(truth, noisy, data_range=255)
    assert pellucid.evaluate(noisy, truth).mean.psnr == pytest.approx(expected)
    scores = pellucid.evaluate(pictures / "noisy", str(pictures / "truth"))
    assert scores.data_range == 255
    assert scores.rows[0].psnr == pytest.approx(expected)
    assert len(scores.rows) == 3


def test_the_readme_holds_the_calls_that_are_tested():
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for name in pellucid.__all__:
        assert hasattr(pellucid, name)
    for call in ("pellucid.train(", "model.denoise(", "pellucid.evaluate("):
        assert call in text


def test_processes_that_train_together_need_a_folder(pictures, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"need a common folder: give it as out="):
        pellucid.train(str(pictures / "clean"), str(pictures / "noisy"), steps=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, noisy: pellucid.load(None), "None is not a folder; give its path"),
        (lambda model, noisy: pellucid.resume(7), "7 is not a folder; give its path"),
        (lambda model, noisy: model.save(None), "None is not a folder; give its path"),
        (lambda model, noisy: pellucid.train(noisy, noisy, out=3), "3 is not a folder; give its path"),
        (lambda model, noisy: pellucid.train(noisy, noisy, recipe=None), "unknown recipe None"),
        (lambda model, noisy: pellucid.train(noisy, noisy, preset=3), "unknown preset 3"),
        (lambda model, noisy: pellucid.train(noisy, noisy, execution=True), "give an Execution"),
        (lambda model, noisy: pellucid.train(noisy, noisy, callbacks=[print]), "derives from pellucid.Callback"),
        (lambda model, noisy: pellucid.evaluate(noisy, noisy, data_range="x"), "data_range='x': give a number"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(call, message, model, noisy):
    with pytest.raises(InputError, match=message) as told:
        call(model, noisy)
    assert len(str(told.value).splitlines()) == 1
