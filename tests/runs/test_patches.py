"""Training from images with padding and pixels that are not finite, and denoising of such and of blank ones."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.data.patches import Patches
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.methods import build, make_recipe
from pellucid.runs.patches import find_covers, make_batches
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

pytestmark = pytest.mark.usefixtures("undrawn")

TINY = {"recipe": "proposed", "steps": 2, "batch": 2, "width": 2, "patch": 64}


def padded(dtype, value):
    """Clean and noisy tissue on a canvas of 49 %, and noisy tissue without."""
    clean = np.pad(tissue((96, 100), seed=1).clip(1), ((0, 0), (96, 0))).astype(dtype)
    noisy = simulate(tissue((96, 100), seed=2), "film", seed=1).clip(1)
    amid = np.pad(noisy, ((0, 0), (96, 0))).astype(dtype)
    for image in (clean, amid):
        image[:, :96] = value
    return clean, amid, noisy.astype(dtype)


@pytest.mark.parametrize(("dtype", "value"), [("float32", np.nan), ("uint16", 65535)])
def test_a_canvas_is_not_learned_from_and_stays(dtype, value, tmp_path, capsys):
    clean, amid, noisy = padded(dtype, value)
    model = pellucid.train(clean, amid, tmp_path / "run", **TINY)
    alone = pellucid.train(clean[:, 96:], noisy, tmp_path / "alone", **TINY)
    assert (model.intensity_range.low, model.intensity_range.high) == (
        alone.intensity_range.low,
        alone.intensity_range.high,
    )
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "noisy images: 49 % of all pixels, in 1 of 1 images, are padding (areas of one value: canvas, bars) or missing"
        in said
    )
    done, usual = model.denoise(amid), model.denoise(noisy)
    np.testing.assert_array_equal(done[:, :96], amid[:, :96])
    assert np.isfinite(done[:, 96:]).all()
    assert done[:, 96:].mean() == pytest.approx(usual.mean(), rel=0.02)
    assert done[:, 96:].std() == pytest.approx(usual.std(), rel=0.1)
    # patches of the canvas would have pulled the moments of the first norm there
    one, other = (next(iter(each.trained[0].values())) for each in (model, alone))
    assert ((one.mean - other.mean).abs() / other.var.sqrt()).max() < 1


def test_images_without_room_for_a_patch_are_refused(tmp_path):
    narrow = np.zeros((200, 200), np.uint8)
    narrow[80:110] = tissue((30, 200), seed=1)
    with pytest.raises(InputError, match="the noisy images have no square of 64 pixels that is free enough of padding"):
        pellucid.train(tissue((96, 96), seed=2), narrow, tmp_path / "run", **TINY)


def test_pairs_are_cut_where_both_are_image():
    noisy, truth = (tissue((96, 200), seed=seed).clip(1) for seed in (1, 2))
    noisy[:, :80], truth[:, 144:] = 0, 0  # whole cells
    planes = {kind: open_source(image).planes for kind, image in (("noisy", noisy), ("pairs", truth))}
    alone = dict.fromkeys(("noisy", "pairs"), np.array([[0]]))
    covers = find_covers(planes, {"noisy": [noisy], "pairs": [truth]}, 32, alone)
    assert covers["noisy"] == covers["pairs"]
    x = np.arange(0, 168, 4)
    admitted = np.logical_and.reduce([cover.admits(np.full_like(x, 20), x) for cover in covers["noisy"][0]])
    assert (x[admitted].min(), x[admitted].max()) == (80, 112)


@pytest.mark.parametrize("image", [np.full((64, 80), 7, np.uint8), np.full((64, 80), np.nan, np.float32)])
def test_blank_images_are_copied_by_recipes(image, tmp_path):
    np.testing.assert_array_equal(pellucid.denoise(image, recipe="gaussian"), image)
    np.save(tmp_path / "blank.npy", image)
    pellucid.denoise(tmp_path / "blank.npy", tmp_path / "done.npy", recipe="gaussian")
    np.testing.assert_array_equal(np.load(tmp_path / "done.npy"), image)


def test_batches_hold_the_kinds_that_the_method_names(tmp_path):
    patches = Patches([np.zeros((96, 96), np.uint8)], lambda image: image.astype(np.float32), 64)
    for name in ("proposed", "dncnn", "quan", "drgan", "noise2void"):
        method = build(make_recipe(name, "quick", {"patch": 64, "batch": 1}))
        batches = make_batches(method, dict.fromkeys(("noisy", "clean", "pairs", "noise"), patches))
        assert set(batches(1)) == set(method.kinds), name


def barred(path, seed):
    """Noisy tissue with a data bar below it that is constant nowhere, as in a JPEG; Hitachi tells of it."""
    noisy = simulate(tissue((128, 128), seed=seed), "film", seed=seed)
    bar = np.random.default_rng(seed).integers(0, 255, (32, 128)).astype(np.uint8)
    write_array(path, np.vstack([noisy, bar]))
    path.with_suffix(".txt").write_text("[SemImageFile]\nDataSize=128x128\n")
    return noisy


def test_a_data_bar_that_a_file_tells_of_is_not_learned_from_and_stays(tmp_path, capsys):
    noisy = barred(tmp_path / "noisy.png", 1)
    clean = tissue((128, 128), seed=2)
    model = pellucid.train(clean, tmp_path / "noisy.png", tmp_path / "run", **TINY)
    alone = pellucid.train(clean, noisy, tmp_path / "alone", **TINY)
    assert model.intensity_range == alone.intensity_range
    assert f"data bar: the lowest 32 rows of {tmp_path / 'noisy.png'}" in " ".join(capsys.readouterr().err.split())
    moments = [next(iter(each.trained[0].values())) for each in (model, alone)]
    assert ((moments[0].mean - moments[1].mean).abs() / moments[1].var.sqrt()).max() < 1
    model.denoise(tmp_path / "noisy.png", tmp_path / "out.png", noise=True)
    given, result, removed = (
        open_source(tmp_path / name).planes[0].read() for name in ("noisy.png", "out.png", "noise/out.tif")
    )
    np.testing.assert_array_equal(result[128:], np.ma.getdata(given)[128:])
    assert not removed[128:].any()
    assert removed[:128].any()
    alike = np.abs(result[:64].astype(int) - model.denoise(noisy)[:64])
    assert alike.mean() < 1  # the norms measure the same picture
