from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.functional import avg_pool2d

from pellucid.inference import denoise_plane
from pellucid.methods import build, make_recipe
from pellucid.methods.noise_transfer import MEASURING
from pellucid.training import Training

TINY = {"width": 4, "depth": 2, "batch": 4, "patch": 32, "steps": 60, "measure": 12}
"""Brightness is measured in steps 1 to 3, spectra in 4 to 6."""


def start(**settings):
    return Training(build(make_recipe("noise-transfer", settings=TINY | settings)), torch.device("cpu"))


def batch(training, number):
    """Unpaired patches; every fourth noisy one has a dark bar."""
    recipe, generator = training.method.recipe, torch.Generator().manual_seed(number)
    side = recipe.patch + 8
    white = torch.randn(2, recipe.batch, 1, side, side, generator=generator)
    noisy, clean = (2 * avg_pool2d(each, 9, 1) for each in white)
    noisy[::4, :, 8:13] = (noisy[::4, :, 8:13] + 1) * 0.1 - 1
    noisy = noisy + 0.1 * torch.randn(noisy.shape, generator=generator)
    return {"noisy": noisy.clamp(-1, 1), "clean": clean.clamp(-1, 1)}


def run(training, until):
    return [training.step(batch(training, number)) for number in range(training.number + 1, until + 1)]


def test_noise_is_measured_before_the_student_learns():
    training = start()
    before = copy.deepcopy(training.method.denoiser.state_dict())
    run(training, 6)
    torch.testing.assert_close(training.method.denoiser.state_dict(), before, rtol=0, atol=0)
    assert int(training.method.stage) == 2
    assert float(training.method.noise.first_strength) > 0.03
    losses = run(training, 8)
    assert {"error", "expected_error"} <= set(losses[-1])
    assert not torch.equal(training.method.denoiser.network.last.weight, before["network.last.weight"])


@pytest.mark.parametrize("number", [2, 5, 11], ids=["brightness", "spectra", "learning"])
def test_a_training_that_stopped_goes_on_as_if_it_had_not(number, one_thread):
    straight, resumed = start(), start(seed=9)
    run(straight, number)
    resumed.restore(copy.deepcopy(straight.state()))
    resumed.method.recipe = straight.method.recipe
    expected = run(straight, 22)  # a correction is at step 20
    assert straight.method.noise.shading.found
    assert run(resumed, 22) == expected
    torch.testing.assert_close(resumed.state(), straight.state(), rtol=0, atol=0)


def test_two_trainings_are_equal(one_thread):
    first, second = start(), start()
    assert run(first, 9) == run(second, 9)
    torch.testing.assert_close(second.state(), first.state(), rtol=0, atol=0)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps_and_one_patch_are_enough_not_to_fail(steps):
    training = start(steps=steps, batch=1, measure=400)
    run(training, steps)
    assert all(value.isfinite().all() for value in training.state()["method"].values())
    assert int(training.method.stage) == min(steps, 2)


def test_measuring_ends_after_a_share_of_the_steps():
    training = start(steps=40, measure=10_000)
    run(training, round(2 * MEASURING * 40))
    assert int(training.method.stage) == 2


@pytest.mark.parametrize(("number", "steps"), [(1, 9), (5, 200), (5, 7), (10, 12), (30, 2000)])
def test_the_number_of_steps_may_change_at_any_time(number, steps):
    training = start()
    run(training, number)
    training.change_steps(steps)
    assert training.method.recipe.steps == steps
    run(training, min(steps, number + 4))
    assert int(training.method.stage) == 2
    assert all(value.isfinite().all() for value in training.state()["method"].values())


def test_noise_is_corrected_within_a_share_of_the_training_alone(monkeypatch):
    training, corrected = start(steps=50), []
    noise = training.method.noise
    monkeypatch.setattr(type(noise), "correct", lambda self: corrected.append(training.number + 1))
    monkeypatch.setattr("pellucid.methods.noise_transfer.CORRECT", 4)
    run(training, 50)
    assert corrected == list(range(8, 48, 4))


@pytest.mark.parametrize("level", [-1.0, 0.0])
def test_constant_images_do_no_harm(level):
    training = start()
    flat = torch.full((4, 1, 32, 32), level)
    for _ in range(24):
        training.step({"noisy": flat, "clean": flat})
    assert all(value.isfinite().all() for value in training.state()["method"].values())


def test_a_denoiser_holds_the_student_alone():
    method = build(make_recipe("noise-transfer"))
    student = build(make_recipe("student"))
    names = {name: value.shape for name, value in method.denoiser.state_dict().items()}
    assert names == {name: value.shape for name, value in student.denoiser.state_dict().items()}
    assert sum(value.numel() for value in method.denoiser.state_dict().values()) == 534_661


def test_tiles_are_the_whole():
    training = start()
    run(training, 8)
    denoiser = training.method.denoiser.eval().requires_grad_(False)
    noisy = torch.rand(90, 121).mul(2).sub(1).numpy()
    whole = denoise_plane(denoiser, noisy, 1e12)
    tiled = denoise_plane(denoiser, noisy, denoiser.bytes_per_pixel * (2 * denoiser.halo + 24) ** 2)
    torch.testing.assert_close(torch.from_numpy(tiled.image), torch.from_numpy(whole.image), rtol=0, atol=1e-6)


def test_a_short_training_beats_the_noisy_image_by_3_db(learned):
    before, after = learned("noise-transfer", width=8, depth=2, batch=8, patch=32, steps=110, learning_rate=0.03)
    assert after > before + 3


def test_shade_and_few_steps_are_remarked_on():
    method = start().method
    assert method.remarks(1000) == []
    assert "only 1 step:" in method.remarks(1)[0]
    assert "only 3 steps:" in method.remarks(3)[0]
    method.noise.shading.window.fill_(0)
    assert "--set shading=false" in method.remarks(1000)[0]


def test_shading_can_be_left_alone():
    training = start(shading=False)
    run(training, 8)
    assert not training.method.noise.shading.found
