from __future__ import annotations

import numpy as np
import pytest
from torch.nn.functional import avg_pool2d

from pellucid.assessment.seams import measure_seams
from pellucid.methods import build_denoiser, make_recipe
from pellucid.methods.base import SingleDenoiser
from pellucid.seeding import seeded

from .made import specimens, white


class Blur(SingleDenoiser):
    """The mean of 3×3 pixels: a pixel sees its neighbours, so tiles with a halo equal the whole."""

    stride, halo, bytes_per_pixel = 1, 1, 8.0

    def estimate(self, noisy):
        return avg_pool2d(noisy, 3, 1, 1, count_include_pad=False)


class ByTile(Blur):
    """Also makes each tile as bright as all others, as a norm does that measures each tile by itself."""

    def estimate(self, noisy):
        return super().estimate(noisy) - noisy.mean((2, 3), keepdim=True)


class WithoutHalo(Blur):
    """Needs its neighbours, and does not say so."""

    halo = 0


class InSquares(Blur):
    window, halo = 64, 8


class InSquaresByTile(ByTile):
    window, halo = 64, 8


@pytest.fixture(scope="module")
def noisy():
    return white(specimens(1, 160, 3))


@pytest.mark.parametrize("recipe", ["student", "proposed"])
def test_tiles_of_networks_leave_no_seams(recipe, noisy):
    settings = {"width": 4, "depth": 1} if recipe == "student" else {"width": 4}
    with seeded(0):
        denoiser = build_denoiser(make_recipe(recipe, "quick", settings)).eval()
    found = measure_seams(denoiser, [image[:128, :128] for image in noisy])
    assert found.ratio == pytest.approx(1, abs=1e-3)
    assert found.step < 1e-4
    assert not found.visible


@pytest.mark.parametrize("kind", [Blur, InSquares])
def test_denoisers_that_see_little_leave_no_seams(kind, noisy):
    found = measure_seams(kind().eval(), noisy)
    assert found.ratio == pytest.approx(1, abs=0.02 if kind is InSquares else 1e-6)
    assert not found.visible


@pytest.mark.parametrize("kind", [ByTile, WithoutHalo, InSquaresByTile])
def test_seams_are_found(kind, noisy):
    found = measure_seams(kind().eval(), noisy)
    assert found.visible
    assert found.step > 0.01


def test_the_step_is_that_between_neighbouring_tiles(noisy):
    height, width = noisy[0].shape
    noise = np.random.default_rng(0).normal(0, 1e-4, (height, width))  # rows of equal pixels would be padding
    found = measure_seams(ByTile().eval(), [(np.linspace(-0.8, 0.8, width) + noise).astype(np.float32)])
    assert found.side == 80
    # tiles are read with one pixel around them: their means differ by 80 pixels of the ramp, down by nothing
    assert found.step == pytest.approx(0.5 * 1.6 / (width - 1) * 79, rel=0.02)
    assert found.ratio > 10


def test_nothing_is_measured_where_there_are_no_tiles(noisy):
    filter_ = build_denoiser(make_recipe("gaussian", "quick"))
    assert measure_seams(filter_, noisy) is None
    assert measure_seams(InSquares(), [image[:60] for image in noisy]) is None
    assert measure_seams(Blur(), []) is None
