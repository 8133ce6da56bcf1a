from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from skimage.metrics import peak_signal_noise_ratio

import pellucid
from pellucid.errors import InputError
from pellucid.images import write_array

SETTINGS = {"width": 1, "batch": 2, "steps": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def model(trained):
    return pellucid.load(trained, device="cpu")


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


def test_a_path_gives_a_path_beside_it(model, noisy, tmp_path):
    write_array(tmp_path / "cells.ome.tif", noisy)
    assert model.denoise(tmp_path / "cells.ome.tif") == tmp_path / "cells_denoised.ome.tif"
    assert (tmp_path / "cells_denoised.ome.tif").exists()
    with pytest.raises(InputError, match="exists already"):
        model.denoise(tmp_path / "cells.ome.tif")


def test_options_of_files_do_not_go_with_arrays(model, noisy, tmp_path):
    for options in ({"output": tmp_path / "a.png"}, {"parts": True}):
        with pytest.raises(InputError, match="an array gives an array"):
            model.denoise(noisy, **options)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "int16"])
def test_another_pixel_type_needs_the_intensities(dtype, model, noisy):
    array = noisy.astype(dtype) * 4
    with pytest.raises(InputError, match=rf"holds {dtype} pixels, but the model was trained on uint8.*intensity=\(LOW"):
        model.denoise(array)
    done = model.denoise(array, intensity=(0, 1020))
    assert done.dtype == dtype
    assert np.abs(done / 4 - model.denoise(noisy)).max() <= 0.63
    with pytest.raises(InputError, match="was trained on uint8"):
        model.denoise(array)  # the model itself is as it was


def test_intensities_the_wrong_way_round_are_refused(model, noisy):
    with pytest.raises(InputError, match="the lower first"):
        model.denoise(noisy, intensity=(255, 0))


def test_denoise_needs_no_run_for_what_needs_no_training(noisy, tmp_path):
    write_array(tmp_path / "cells.tif", noisy)
    array = pellucid.denoise(noisy, recipe="median")
    assert (array.shape, array.dtype) == (noisy.shape, np.uint8)
    path = pellucid.denoise(tmp_path / "cells.tif", recipe="median", noise=True)
    assert path == tmp_path / "cells_denoised.tif"
    assert np.array_equal(np.asarray(Picture.open(path)), array)
    assert (tmp_path / "cells_denoised_noise.tif").exists()
    with pytest.raises(InputError, match="exists already"):
        pellucid.denoise(tmp_path / "cells.tif", recipe="median")
    assert pellucid.denoise(tmp_path / "cells.tif", recipe="median", overwrite=True) == path
    with pytest.raises(InputError, match="an array gives an array"):
        pellucid.denoise(noisy, recipe="median", noise=True)


def test_denoise_refuses_what_learns_first(noisy):
    with pytest.raises(InputError, match="dncnn learns first: pellucid train --recipe dncnn"):
        pellucid.denoise(noisy, recipe="dncnn")


def test_load_takes_weights_and_memory(trained, noisy):
    last, average = (pellucid.load(trained, weights=weights).denoise(noisy) for weights in ("last", "average"))
    assert not np.array_equal(last, average)
    assert np.array_equal(pellucid.load(trained).denoise(noisy), average)
    assert pellucid.load(trained, memory=12345).memory == 12345


def test_train_gives_a_model_and_a_run(pictures, noisy, tmp_path):
    model = pellucid.train(pictures / "clean", pictures / "noisy", tmp_path / "run", **SETTINGS)
    assert isinstance(model, pellucid.Model)
    assert np.array_equal(model.denoise(noisy), pellucid.load(tmp_path / "run").denoise(noisy))
    assert pellucid.go_on(tmp_path / "run", device="cpu").recipe == model.recipe


def test_train_on_arrays_without_a_folder_leaves_nothing_behind(noisy, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = pellucid.train([noisy[::-1].copy()], [noisy, noisy[:, ::-1].copy()], **SETTINGS)
    assert model.denoise(noisy).shape == noisy.shape
    assert not list(tmp_path.iterdir())


def test_a_stop_without_a_folder_says_that_nothing_is_kept(noisy, monkeypatch):
    from pellucid.training import Interrupted

    def stop(*_):
        raise Interrupted("stopped after step 1")

    monkeypatch.setattr("pellucid.runs.training.fit", stop)
    with pytest.raises(Interrupted, match=r"nothing was kept: say where by out="):
        pellucid.train(noisy[::-1].copy(), noisy, **SETTINGS)


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
    with pytest.raises(InputError, match=r"need one folder: say which by out="):
        pellucid.train(str(pictures / "clean"), str(pictures / "noisy"), steps=1)


def test_execution_is_chosen_and_noted(pictures, tmp_path):
    execution = pellucid.Execution(amp=True)
    pellucid.train(str(pictures / "clean"), str(pictures / "noisy"), tmp_path, execution=execution, **SETTINGS)
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert provenance["device"] == "cpu (as asked)"
    assert [provenance[name] for name in ("processes", "amp", "compile", "local_statistics")] == [1, True, False, False]
