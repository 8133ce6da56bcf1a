from __future__ import annotations

import pytest
import torch

from pellucid.methods.noise_model import residuals
from pellucid.methods.noise_model.residuals import Residuals

SIDE = 32


def test_strength_at_each_intensity_and_the_spectrum_are_those_of_what_was_removed():
    denoised = torch.rand(64, 1, SIDE, SIDE) - 0.5
    removed = (0.1 + 0.1 * (denoised > 0)) * torch.randn_like(denoised) + 0.3  # the mean is no noise
    found = Residuals(SIDE)
    found.add(denoised + removed, denoised)
    torch.testing.assert_close(found.variance[9:15], torch.full((6,), 0.01), rtol=0.1, atol=0)
    torch.testing.assert_close(found.variance[17:23], torch.full((6,), 0.04), rtol=0.1, atol=0)
    assert not found.pixels[[0, -1]].any()
    assert float(found.pixels.sum()) == pytest.approx(denoised.numel(), rel=0.01)
    assert float(found.spectrum.mean()) == pytest.approx(0.025, rel=0.05)


def test_what_was_added_long_ago_fades():
    found, flat = Residuals(SIDE), torch.zeros(4, 1, SIDE, SIDE)
    for sigma in (0.4, 0.1):
        for _ in range(150):
            found.add(flat + sigma * torch.randn_like(flat), flat)
    assert float(found.spectrum.mean()) == pytest.approx(0.01 + 0.15 * residuals.MEMORY**150, rel=0.05)
    assert float(found.variance[16]) == pytest.approx(0.01 + 0.15 * residuals.MEMORY**150, rel=0.05)


def test_intensities_with_few_pixels_count_as_unknown():
    found, denoised = Residuals(SIDE), torch.zeros(1, 1, SIDE, SIDE)
    denoised[..., :9, :9] = 0.9
    found.add(denoised, denoised)
    assert (found.pixels > 0).nonzero().flatten().tolist() == [16]


def test_nothing_added_is_no_noise():
    found = Residuals(SIDE)
    assert not found.spectrum.any()
    assert not found.variance.any()
    assert not found.pixels.any()
