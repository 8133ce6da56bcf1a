from __future__ import annotations

import pytest
from scipy.ndimage import gaussian_filter

from pellucid.assessment import filters
from pellucid.assessment.filters import FILTERS, best_filter, filters_at_hand
from pellucid.assessment.pseudo_pairs import Pairs
from pellucid.assessment.quality import quality
from pellucid.errors import InputError

from .made import white_pairs


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return white_pairs(4)


def blurred(pairs, sigma):
    return quality(str(sigma), gaussian_filter(pairs.noisy, (0, sigma, sigma)), pairs).psnr.mean


def test_the_strength_is_about_the_best_there_is(pairs):
    best = best_filter("gaussian", pairs)
    sigmas = [0.3 * 1.2**n for n in range(15)]
    expected = max(sigmas, key=lambda sigma: blurred(pairs, sigma))
    assert best.recipe.sigma == pytest.approx(expected, rel=0.2)
    assert best.quality.name == f"gaussian sigma={best.recipe.sigma:g}"


@pytest.mark.parametrize("poor", [0.4, 5.0])
def test_it_is_better_than_a_poor_strength(pairs, poor):
    assert best_filter("gaussian", pairs).quality.psnr.mean > blurred(pairs, poor) + 1


def test_it_is_scored_on_all_pairs_and_chosen_on_some(pairs, monkeypatch):
    monkeypatch.setattr(filters, "TUNED_ON", (1, 64))
    assert len(best_filter("median", pairs).quality.psnrs) == len(pairs)


def test_without_scikit_image_the_others_remain(monkeypatch):
    assert filters_at_hand() == list(FILTERS)

    def missing():
        raise InputError("not installed")

    monkeypatch.setattr(filters, "restoration", missing)
    assert filters_at_hand() == ["gaussian", "median", "bm3d"]
