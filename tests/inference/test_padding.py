"""Padding, and pixels that are not finite, count for nothing: in no statistic, whole or in tiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pellucid.inference import (
    ActivationCache,
    View,
    denoise_plane,
    exact_statistics,
    has_norms,
    sample_statistics,
    sampled_statistics,
)
from pellucid.inference.statistics import Cut, measure_pieces
from pellucid.inference.tiles import tiles
from pellucid.methods import RECIPES, build, build_denoiser, make_recipe
from pellucid.methods.classical.filters import noise_level
from pellucid.norms import measure_valid, record

from .conftest import noisy_tissue

ISCL = [name for name, settings in RECIPES.items() if settings["method"] == "iscl"]
TRANSLATION = ("cyclegan", "quan", "uidnet", "adn", "drgan", "cagan")
PLENTY = 1e12


def padded(noisy):
    """With a canvas on the left, a slanting one at the top, a bar, and a hole of not-a-number."""
    noisy = noisy[:141, :190].copy()
    y, x = np.mgrid[:141, :190]
    noisy[:, :37], noisy[-18:], noisy[x + 3 * y < 150] = -1, 1, -1
    noisy[70:80, 120:150], noisy[60, 100] = np.nan, np.inf
    return noisy


def assert_tiled_is_whole(denoiser, tolerance=2e-5):
    noisy = padded(noisy_tissue())
    whole = denoise_plane(denoiser, noisy, PLENTY)
    tiled = denoise_plane(denoiser, noisy, denoiser.bytes_per_pixel * (96 + 2 * denoiser.halo) ** 2)
    valid = whole.valid
    assert np.array_equal(tiled.valid, valid)
    assert 0.4 < valid.mean() < 0.8
    assert whole.image[valid].std() > 0.01
    for one, other in (
        (whole.image, tiled.image),
        *((whole.estimates[name], tiled.estimates[name]) for name in whole.estimates),
    ):
        np.testing.assert_allclose(one[valid], other[valid], rtol=0, atol=tolerance)


@pytest.mark.parametrize("denoiser", ISCL, indirect=True)
def test_tiled_equals_whole(denoiser):
    assert_tiled_is_whole(denoiser)


@pytest.mark.parametrize("recipe", TRANSLATION)
def test_tiled_equals_whole_with_translation_networks(recipe):
    denoiser = build(make_recipe(recipe, settings={"width": 4})).denoiser.eval().requires_grad_(False)
    assert has_norms(denoiser)
    assert_tiled_is_whole(denoiser, 1e-4)  # weights of the start, so maps of little contrast


@pytest.mark.parametrize("memory", [math.inf, 0, None])
def test_statistics_are_those_of_the_valid_pixels(memory, denoiser, tmp_path, monkeypatch):
    """With passes that wait in memory, on disk, or nowhere."""
    if memory is None:
        monkeypatch.setattr("pellucid.inference.statistics.LayerByLayer.of", lambda _: None)
    noisy = padded(noisy_tissue())
    view = View.of_array(noisy, denoiser.stride)
    piece = view.piece(view.whole)
    expected = record(denoiser.F, lambda: denoiser.F(piece.pixels), lambda x: measure_valid(x, piece.valid))
    cuts = [Cut(view, tile) for tile in tiles(view.height, view.width, 36, denoiser.halo)]
    with ActivationCache(memory or 0, tmp_path) as cache:
        found = measure_pieces(denoiser.F, cuts, cache).moments
    for name, moments in found.items():
        assert moments.pixels == pytest.approx(expected[name].pixels)
        torch.testing.assert_close(moments.mean, expected[name].mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(moments.var, expected[name].var, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("share", [0.11, 0.27, 0.49])
def test_tissue_is_what_it_is_without_the_canvas(share, denoiser):
    noisy = noisy_tissue()
    alone = denoise_plane(denoiser, noisy, PLENTY).image
    width = round(share / (1 - share) * noisy.shape[1]) // 4 * 4
    done = denoise_plane(denoiser, np.pad(noisy, ((0, 0), (width, 0)), constant_values=-1), PLENTY)
    assert done.valid.sum() == noisy.size
    tissue = done.image[:, width:]
    assert tissue.mean() == pytest.approx(alone.mean(), abs=0.01)
    assert tissue.std() == pytest.approx(alone.std(), rel=0.02)
    inner = np.s_[:, denoiser.halo :]
    assert np.abs(tissue[inner] - alone[inner]).max() < 0.05


def test_sampled_windows_lie_where_there_is_image(denoiser, monkeypatch):
    monkeypatch.setattr(sampled_statistics, "SIDE", 24)
    monkeypatch.setattr(sampled_statistics, "BOUND", 1e9)  # always enough
    noisy = noisy_tissue()
    canvas = np.full((3 * noisy.shape[0], 2 * noisy.shape[1]), -1, np.float32)
    canvas[: noisy.shape[0], : noisy.shape[1]] = noisy
    blank = np.full((200, 200), 1, np.float32)
    with ActivationCache(math.inf) as cache:
        alone, amid, none = (
            sample_statistics(denoiser, [View.of_array(plane, denoiser.stride) for plane in planes], 0, cache)
            for planes in ([noisy], [blank, canvas, blank], [blank])
        )
        exact = exact_statistics(denoiser, View.of_array(noisy, denoiser.stride), 64, cache)
    assert none is None
    assert amid.windows == alone.windows == 16
    for name in exact[0]:
        spread = exact[0][name].var.sqrt()
        assert ((amid.statistics[0][name].mean - exact[0][name].mean) / spread).abs().mean() < 0.2


def test_the_noise_is_that_of_the_image():
    noisy = torch.from_numpy(noisy_tissue().copy())[None, None]
    canvas = torch.full((1, 1, 400, 500), -1.0)
    canvas[:, :, :160, 100:308] = noisy
    valid = torch.zeros(canvas.shape, dtype=torch.bool)
    valid[:, :, :160, 100:308] = True
    assert noise_level(canvas) < 0.5 * noise_level(noisy)
    assert noise_level(canvas, valid) == pytest.approx(noise_level(noisy), rel=0.02)


@pytest.mark.parametrize("recipe", ["bm3d", "bm3d-log", "nlm", "tv", "wavelet", "gaussian"])
def test_filters_do_to_tissue_what_they_do_without_the_canvas(recipe):
    denoiser = build_denoiser(make_recipe(recipe))
    noisy = noisy_tissue()[:96, :128]
    alone = denoise_plane(denoiser, noisy, PLENTY).image
    done = denoise_plane(denoiser, np.pad(noisy, ((0, 0), (126, 0)), constant_values=-1), PLENTY).image[:, 126:]
    removed, usual = ((image - noisy)[:, 24:].std() for image in (done, alone))
    assert removed == pytest.approx(usual, rel=0.05)
    assert np.abs(done - alone)[:, 24:].mean() < 0.1 * usual
