from __future__ import annotations

import argparse

import numpy as np
import pytest
from noise_transfer import NOTHING, WITHOUT, quality, read, train
from PIL import Image

from pellucid.methods.noise_model import model
from pellucid.methods.noise_model.shading import Shading
from pellucid.methods.noise_model.spectrum import flattest_spectrum


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for number in range(5):
        coarse = random.integers(60, 200, (8, 8), dtype=np.uint8)
        Image.fromarray(coarse.repeat(12, 0).repeat(12, 1)).save(tmp_path / f"z{number}.png")
    return tmp_path


def options(**changed):
    return argparse.Namespace(**({"clean": None, "contrast": 1.0, "psnr": None} | changed))


def test_images_are_divided_into_clean_noisy_and_pairs(folder):
    clean, noisy, pairs = read(folder, [2, 1, 2], options(psnr=25.0), "film")
    assert [len(clean), len(noisy), len(pairs.truth), len(pairs.noisy)] == [2, 1, 2, 2]
    error = (pairs.noisy - pairs.truth).square().mean()
    assert float(10 * (4 / error).log10()) == pytest.approx(25, abs=1)


def test_clean_images_may_be_others_of_less_contrast(folder, tmp_path):
    plain, *_ = read(folder, [2, 1, 2], options(), "film")
    others, *_ = read(folder, [2, 1, 2], options(clean=folder, contrast=0.5), "film")
    assert len(others) == 5
    assert others[0].std() == pytest.approx(0.5 * plain[0].std(), rel=1e-4)
    assert others[0].mean() == pytest.approx(plain[0].mean(), abs=1e-4)


def test_each_part_is_left_out_only_for_a_while():
    kept = model.NoiseModel.correct, Shading.settle, model.flattest_spectrum
    for part, without in WITHOUT.items():
        with without():
            now = model.NoiseModel.correct, Shading.settle, model.flattest_spectrum
            assert sum(a is not b for a, b in zip(kept, now, strict=True)) == (part != NOTHING)
    assert kept == (model.NoiseModel.correct, Shading.settle, flattest_spectrum)


def test_a_training_is_scored_on_the_pairs(folder):
    clean, noisy, pairs = read(folder, [2, 1, 2], options(), "film")
    found = quality(train(clean, noisy, steps=2, seed=0), pairs)
    assert set(found) == {"PSNR", "SSIM", "offset", "lowest offset", "highest offset"}
    assert found["lowest offset"] <= found["offset"] <= found["highest offset"]
    assert found["PSNR"] > 5
    assert abs(found["offset"]) < 128
