from __future__ import annotations

import gc
import weakref

import imageio.v3 as iio
import numpy as np
import pytest
from matplotlib.figure import Figure

from pellucid.data.intensity_range import IntensityRange
from pellucid.methods import build, make_recipe
from pellucid.report import pictures
from pellucid.runs.previews import Previews, smoothed
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

RANGE = IntensityRange(low=0, high=255)


@pytest.fixture(scope="module")
def images():
    truth = [tissue((100, 96), seed=seed) for seed in range(2)]
    return {
        "noisy": [simulate(image, "gaussian", seed=seed) for seed, image in enumerate(truth)],
        "clean": [tissue((80, 90), seed=7)],
        "pairs": truth,
    }


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw previews of an untrained method, and give what stands in them by column."""

    def draw(images, intensities):
        shown = {}

        def keep(rows, titles, path, **how):
            shown.update(zip(titles, zip(*rows, strict=True), strict=True))
            pictures.image_grid(rows, titles, path, **how)

        monkeypatch.setattr("pellucid.runs.previews.image_grid", keep)
        denoiser = build(make_recipe("proposed", "quick", {"width": 1})).denoiser.eval()
        Previews(images, intensities).draw(denoiser, denoiser, "step 3", tmp_path / "preview.png")
        assert iio.imread(tmp_path / "preview.png").std() > 0
        return shown

    return draw


def test_noisy_filtered_denoised_and_clean_stand_beside_each_other(images, drawn):
    dark = IntensityRange(low=0, high=510)  # of clean images that are half as bright as the noisy ones
    shown = drawn({kind: images[kind] for kind in ("noisy", "clean")}, {"noisy": RANGE, "clean": dark})
    names = list(shown)
    assert names[0] == "noisy"
    assert names[1].startswith("Gaussian filter, σ ")
    assert names[2:] == ["F", "x-H", "denoised (last)", "denoised (average)", "clean, of other tissue"]
    assert all(len(column) == 2 for column in shown.values())
    assert {crop.shape for column in shown.values() for crop in column} == {(80, 80)}
    np.testing.assert_array_equal(shown["noisy"][0], images["noisy"][0][10:90, 8:88])
    clean = images["clean"][0][:, 5:85]
    np.testing.assert_allclose(shown["clean, of other tissue"][0], clean / 2, atol=1e-3)


def test_partners_are_shown_of_the_same_place(images, drawn):
    pairs = {kind: images[kind] for kind in ("noisy", "pairs")}
    shown = drawn(pairs, {"noisy": RANGE, "pairs": RANGE})
    np.testing.assert_allclose(shown["partner"][1], images["pairs"][1][2:98, :], atol=1e-3)


def test_noisy_images_alone_have_no_reference(images, drawn):
    assert list(drawn({"noisy": images["noisy"]}, {"noisy": RANGE}))[-1] == "denoised (average)"


def test_what_is_not_finite_does_not_stop_the_drawing(images, drawn):
    holed = [image.astype(np.float32) for image in images["noisy"]]
    holed[0][20:60, 20:60] = np.nan
    holed[1][:] = np.inf
    shown = drawn({"noisy": holed}, {"noisy": RANGE})
    assert all(np.isfinite(crop).all() for column in shown.values() for crop in column)


@pytest.mark.parametrize("noise", ["gaussian", "film"])
def test_the_plain_filter_is_chosen_without_truth_and_helps(noise):
    truth = [tissue((128, 128), seed=seed) for seed in range(2)]
    noisy = [simulate(image, noise, seed=seed) for seed, image in enumerate(truth)]
    filtered, width = smoothed(noisy)

    def error(images):
        return np.mean([(image.astype(float) - true) ** 2 for image, true in zip(images, truth, strict=True)])

    assert 1 <= width <= 2
    assert error(filtered) < error(noisy) / 2


def test_no_figure_stays(images, drawn):
    figures = []
    whole = Figure.__init__

    def noted(self, *arguments, **options):
        whole(self, *arguments, **options)
        figures.append(weakref.ref(self))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "__init__", noted)
        drawn({"noisy": images["noisy"]}, {"noisy": RANGE})
    gc.collect()
    assert figures
    assert [figure() for figure in figures] == [None] * len(figures)
