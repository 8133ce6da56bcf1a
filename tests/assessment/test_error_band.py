from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.assessment.error_band import LEAST, error_band, predicted_error
from pellucid.assessment.pseudo_pairs import Pairs
from pellucid.methods import Denoiser, build_denoiser, make_recipe

from .made import white_pairs

NOISY = torch.from_numpy(np.linspace(0.02, 0.3, 64, dtype=np.float32))
"""Standard deviation of the noise in each column."""


def pairs(count=8):
    """Noise that becomes stronger from left to right, on flat grey."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(count, 64, 64)) * NOISY.numpy()
    return Pairs(noise.astype(np.float32)[:, None], np.zeros((count, 64, 64), np.float32))


class Estimates(Denoiser):
    """Leaves the image as it is; its estimates are `apart` from each other."""

    estimate_names = ("one", "other")

    def __init__(self, apart):
        super().__init__()
        self.apart = apart

    def estimates(self, noisy):
        return {"one": noisy + self.apart / 2, "other": noisy - self.apart / 2}

    def combine(self, estimates):
        return (estimates["one"] + estimates["other"]) / 2


def test_the_band_holds_nine_of_ten_errors_of_pairs_that_did_not_choose_it():
    found = error_band(Estimates(3 * NOISY), pairs())
    assert 0.85 < found.coverage < 0.95
    assert found.factor == pytest.approx(1.645 / 3, rel=0.05)  # of a normal distribution
    assert found.rank > 0.85
    assert found.useful


@pytest.mark.parametrize("apart", [torch.tensor(0.2), torch.tensor(0.0)])
def test_an_error_that_is_the_same_everywhere_is_calibrated_but_no_map(apart):
    found = error_band(Estimates(apart), pairs())
    assert 0.85 < found.coverage < 0.95
    assert found.rank == 0
    assert not found.useful


def test_an_error_that_is_where_there_is_none_is_no_map():
    assert error_band(Estimates(NOISY.flip(0)), pairs()).rank < -0.5


def test_predicted_errors_have_a_least_value():
    predicted, denoised = predicted_error(Estimates(torch.tensor(0.0)), pairs(1).stacks)
    assert predicted == pytest.approx(LEAST)
    np.testing.assert_allclose(denoised, pairs(1).noisy)


def test_a_student_predicts_its_error_and_a_filter_does_not():
    made = white_pairs(2, 64)
    student = build_denoiser(make_recipe("student", "quick", {"width": 4, "depth": 1})).eval()
    found = error_band(student, made)
    assert found.factor > 0
    assert 0 < found.coverage < 1
    assert error_band(build_denoiser(make_recipe("gaussian", "quick")), made) is None
