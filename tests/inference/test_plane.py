from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.inference import denoise_plane
from pellucid.inference import plane as room
from pellucid.inference.tiles import on_tile
from pellucid.methods import RECIPES
from pellucid.norms.feature import given_sources

ISCL = [name for name, settings in RECIPES.items() if settings["method"] == "iscl"]
PLENTY = 1e12
TINY = 0.0
recipes = pytest.mark.parametrize("denoiser", ISCL, indirect=True)


ROUNDING = 5e-5
"""Below 1/100 of a grey level of 8 bits; float32 rounds differently in tiles, by up to 1.1e-5 without vector units."""


def assert_same(one, other, tolerance=ROUNDING):
    assert one.image.shape == other.image.shape
    np.testing.assert_allclose(one.image, other.image, rtol=0, atol=tolerance)
    assert set(one.estimates) == set(other.estimates)
    for name, part in one.estimates.items():
        np.testing.assert_allclose(part, other.estimates[name], rtol=0, atol=tolerance)


def memory_for(denoiser, core):
    """Memory that allows cores of so many pixels."""
    return denoiser.bytes_per_pixel * (core + 2 * denoiser.halo) ** 2


@recipes
def test_tiled_equals_whole(denoiser, noisy, monkeypatch):
    pieces = []
    put = room.DenoisedPlane.put
    monkeypatch.setattr(room.DenoisedPlane, "put", lambda self, *a: (pieces.append(a[0]), put(self, *a)))
    noisy = noisy[:141, :190]  # no multiples of the stride
    whole = denoise_plane(denoiser, noisy, PLENTY)
    assert len(pieces) == 1
    assert_same(denoise_plane(denoiser, noisy, memory_for(denoiser, 64)), whole)
    assert len(pieces) == 1 + 3 * 3
    assert whole.image.std() > 0.01


@recipes
def test_the_test_above_could_fail(denoiser, noisy):
    """Tiles with statistics of their own differ, except where the norms of the recipe never look at the image."""
    with torch.no_grad():
        whole = denoiser(torch.from_numpy(noisy)[None, None])
        alone = denoiser(torch.from_numpy(noisy[:120, :120].copy())[None, None])
    error = (whole[:, :, :80, :80] - alone[:, :, :80, :80]).abs().max()
    if denoiser.F.layers[1].__class__.__name__ == "Batch":
        assert error < 1e-5
    else:
        assert error > 1e-4


@pytest.mark.parametrize("shape", [(16, 16), (17, 33), (49, 19), (38, 40)])
def test_any_size(denoiser, noisy, shape):
    noisy = noisy[: shape[0], : shape[1]]
    whole = denoise_plane(denoiser, noisy, PLENTY)
    assert whole.image.shape == shape
    assert whole.image.dtype == np.float32
    assert np.isfinite(whole.image).all()
    assert_same(denoise_plane(denoiser, noisy, TINY), whole)


def test_an_image_that_is_no_multiple_is_mirrored_and_cropped(denoiser, noisy):
    noisy = noisy[:45, :51]
    mirrored = np.pad(noisy, ((0, 3), (0, 1)), mode="symmetric")
    with torch.no_grad():
        expected = denoiser(torch.from_numpy(mirrored)[None, None])[0, 0, :45, :51].numpy()
    np.testing.assert_allclose(denoise_plane(denoiser, noisy, PLENTY).image, expected, rtol=0, atol=1e-6)


def test_parts_are_the_estimates_that_make_the_image(denoiser, noisy):
    result = denoise_plane(denoiser, noisy[:64, :80], PLENTY)
    assert set(result.estimates) == set(denoiser.estimate_names)
    image = np.clip((result.estimates["F"] + result.estimates["x-H"]) / 2, -1, 1)
    np.testing.assert_allclose(result.image, image, rtol=0, atol=1e-6)
    with torch.no_grad():
        expected = denoiser.F(torch.from_numpy(noisy[:64, :80].copy())[None, None])[0, 0].numpy()
    np.testing.assert_allclose(result.estimates["F"], expected, rtol=0, atol=1e-6)


def test_image_stays_in_range_and_input_is_untouched(denoiser, noisy):
    bright = np.full((32, 32), 5, np.float32) + noisy[:32, :32]
    before = bright.copy()
    result = denoise_plane(denoiser, bright, PLENTY)
    assert np.abs(result.image).max() <= 1
    assert np.array_equal(bright, before)


def test_views_and_readonly_images(denoiser, noisy):
    view = noisy[10:74:2, 100:20:-2]
    view.flags.writeable = False
    assert_same(denoise_plane(denoiser, view, PLENTY), denoise_plane(denoiser, view.copy(), PLENTY), 1e-7)


def test_norms_measure_again_after_tiling(denoiser, noisy):
    before = denoise_plane(denoiser, noisy[:64, :64], PLENTY)
    denoise_plane(denoiser, noisy[:36, :36], TINY)
    assert given_sources.get() == {}
    assert_same(denoise_plane(denoiser, noisy[:64, :64], PLENTY), before, 0)


class _Enough(Exception):
    pass


def test_every_tile_is_told_and_may_end_the_work(denoiser, noisy):
    told = []
    token = on_tile.set(told.append)
    try:
        noisy = noisy[:48, :64]
        denoise_plane(denoiser, noisy, PLENTY)
        assert told == [noisy.size]
        told.clear()
        denoise_plane(denoiser, noisy, TINY)
        assert sum(told) == noisy.size
        assert told.count(0) > 12  # each tile is measured at every norm before any is denoised

        def end(_):
            raise _Enough

        on_tile.set(end)
        with pytest.raises(_Enough):
            denoise_plane(denoiser, noisy, TINY)
    finally:
        on_tile.reset(token)
