from __future__ import annotations

import numpy as np
import pytest
import torch
from _candidates import CANDIDATES, estimate_and_error
from PIL import Image
from student import Setting, calibration, measure, oriented, read_pairs, train


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(random.integers(0, 256, (64, 64), dtype=np.uint8)).save(tmp_path / f"z{number}.png")
    return tmp_path


def setting(budget, optimiser="muon"):
    return Setting(optimiser, budget, batch=2, patch=32, turns=(0, 2, 4, 6), seed=0)


def test_images_are_divided_and_only_their_copies_are_noisy(folder):
    training, validation = read_pairs(folder, "film", (2, 1))
    assert training.truth.shape == training.noisy.shape == (2, 64, 64)
    assert validation.truth.shape == (1, 64, 64)
    assert (training.truth != training.noisy).any()
    assert training.truth.abs().max() <= 1


def test_four_of_the_orientations_keep_the_axis_of_a_line():
    line = torch.zeros(4, 4)
    line[1] = 1
    kept = [turn for turn in range(8) if (oriented(line, turn).std(1) == 0).all()]
    assert kept == [0, 2, 4, 6]


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_keeps_the_size_and_is_measured(name):
    estimate, log_error = estimate_and_error(CANDIDATES[name](), torch.zeros(2, 1, 32, 48))
    assert estimate.shape == (2, 1, 32, 48)
    assert (log_error is not None) == name.startswith("student")


@pytest.mark.parametrize("optimiser", ["muon", "adam"])
def test_a_row_says_what_was_done_and_found(folder, optimiser):
    training, validation = read_pairs(folder, "film", (2, 1))
    row = measure("student, width 24", training, validation, setting(2e8, optimiser))
    assert row["steps"] == round(2e8 / (3 * row["kMAC a pixel"] * 1e3 * 2 * 32**2))
    assert row["PSNR"] > 5
    assert row["SSIM"] < 1


def test_the_budget_decides_the_number_of_steps(folder):
    training, _ = read_pairs(folder, "film", (2, 1))
    network = CANDIDATES["student, width 24"]()
    assert train(network, training, setting(3e8)) > train(network, training, setting(1e8))


def test_predicted_errors_are_compared_with_true_ones():
    torch.manual_seed(0)
    scale = torch.rand(8, 8).repeat_interleave(8, 0).repeat_interleave(8, 1) + 0.1
    error = torch.distributions.Laplace(0.0, scale).sample().abs()
    right, wrong = (calibration(log[None, None], error) for log in (scale.log(), -scale.log()))
    assert right["within 90 %"] == pytest.approx(0.9, abs=0.01)
    assert right["rank correlation"] > 0.9
    assert wrong["rank correlation"] < -0.9
