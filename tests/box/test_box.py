"""The models that come with Pellucid."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.box import DEFAULT, boxed_models, find_boxed
from pellucid.evaluation import psnr
from pellucid.model import Model, open_model
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

LARGEST = 5_000_000
"""Bytes that the wheel has room for."""


@pytest.fixture(scope="module")
def truth():
    return tissue((192, 192), seed=7)


@pytest.mark.parametrize("name", boxed_models())
def test_each_is_small_signed_and_loads_by_its_name(name):
    path = boxed_models()[name]
    assert path.stat().st_size < LARGEST
    stored = Model.load(name, device="cpu").stored
    assert stored.origin.licence
    assert stored.origin.description
    assert stored.origin.trained_on
    assert stored.origin.authors


@pytest.mark.parametrize("noise", ["film", "poisson_gaussian", "line"])
def test_it_cleans_what_it_has_never_seen(noise, truth):
    noisy = simulate(truth, noise, seed=3)
    found = pellucid.denoise(noisy, device="cpu")
    assert found.dtype == noisy.dtype
    assert psnr(found, truth, 255) > psnr(noisy, truth, 255) + 4


def test_other_pixel_types_and_ranges_are_cleaned_alike(truth):
    """Black and white come from the images, so 16 bits with an offset give the same picture."""
    noisy = simulate(truth, "film", seed=3)
    plain = pellucid.denoise(noisy, intensity_range=(0, 255), device="cpu")
    wide = pellucid.denoise(noisy.astype(np.uint16) * 40 + 1000, intensity_range=(1000, 11200), device="cpu")
    assert np.abs((wide.astype(float) - 1000) / 40 - plain).max() <= 0.6


def test_results_name_it(truth):
    opened = open_model(truth, device="cpu")
    assert opened.boxed
    assert opened.name == f"the model {DEFAULT}"
    assert f"{DEFAULT} (student), model {opened.digest[:12]}" in opened.spec.history


def test_a_file_of_that_name_is_not_the_model_in_the_box(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_boxed(DEFAULT) == boxed_models()[DEFAULT]
    (tmp_path / DEFAULT).mkdir()
    assert find_boxed(DEFAULT) is None
    assert find_boxed(None) is None
