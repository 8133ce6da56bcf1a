from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.simulation.noise import simulate, strength_for_psnr
from pellucid.simulation.phantom import tissue


@pytest.fixture(scope="module")
def clean():
    return tissue((128, 128), seed=2)


@pytest.mark.parametrize("kind", ["film", "charge", "gaussian", "poisson", "poisson_gaussian", "salt_and_pepper"])
@pytest.mark.parametrize("psnr", [17.0, 24.0])
def test_the_strength_gives_that_psnr(clean, kind, psnr):
    strength = strength_for_psnr(clean, kind, psnr, seed=1)
    error = np.mean((simulate(clean, kind, strength, seed=1).astype(float) - clean) ** 2)
    assert 10 * np.log10(255**2 / error) == pytest.approx(psnr, abs=0.1)


def test_gaussian_strength_has_a_closed_form():
    """PSNR = −20 log10(σ) for unclipped noise of standard deviation σ, white = 1."""
    clean = np.full((300, 300), 0.5)
    assert strength_for_psnr(clean, "gaussian", 26.0) == pytest.approx(10 ** (-26 / 20), rel=0.01)


def test_an_impossible_psnr_is_refused(clean):
    with pytest.raises(InputError, match="cannot reach"):
        strength_for_psnr(clean, "salt_and_pepper", 1.0)
