from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from pellucid.errors import InputError
from pellucid.inference import denoise_plane
from pellucid.methods import build, make_recipe

TINY = {"depth": 4, "width": 3, "batch": 2, "steps": 12}


def make(**settings):
    return build(make_recipe("dncnn", settings={**TINY, **settings})).double()


def batch():
    noisy, pairs = torch.randn(2, 2, 1, 32, 32, dtype=torch.float64).mul(0.4).clamp(-1, 1)
    return {"noisy": noisy, "pairs": pairs}


def last_convolution(method):
    return [module for module in method.modules() if isinstance(module, nn.Conv2d)][-1]


def test_the_papers_preset_is_the_papers():
    recipe = make_recipe("dncnn")
    assert (recipe.depth, recipe.width, recipe.batch, recipe.patch, recipe.steps) == (17, 64, 64, 64, 8000)
    assert sum(p.numel() for p in build(recipe).parameters()) == 556_096


def test_finding_no_noise_is_the_identity():
    method, noisy = make().eval(), batch()["noisy"]
    last_convolution(method).weight.data.zero_()
    torch.testing.assert_close(method.denoiser(noisy), noisy)


def test_the_network_sees_and_answers_on_the_scale_from_0_to_1():
    method, noisy = make().eval(), batch()["noisy"]
    unit = (noisy + 1) / 2
    torch.testing.assert_close((method.denoiser.estimate(noisy) + 1) / 2, unit - method.denoiser.R(unit))


def test_the_first_weights_are_orthogonal():
    middle = [module for module in make(width=8).modules() if isinstance(module, nn.Conv2d)][1]
    rows = middle.weight.detach().flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(8, dtype=torch.float64), rtol=0, atol=1e-5)
    first = next(module for module in make().modules() if isinstance(module, nn.Conv2d))
    assert not first.bias.any()


def test_a_step_is_one_of_adam_on_the_squared_error():
    method, given = make(), batch()
    reference = copy.deepcopy(method.denoiser).train()
    adam = torch.optim.Adam(reference.parameters(), 1e-3)
    for number in (1, 2):
        unit, truth = ((given[kind] + 1) / 2 for kind in ("noisy", "pairs"))
        error = (unit - reference.R(unit) - truth).square().mean()
        adam.zero_grad()
        error.backward()
        adam.step()
        torch.testing.assert_close(method.step(given, number), {"error": error.detach()})
    torch.testing.assert_close(method.denoiser.state_dict(), reference.state_dict())


def test_the_rate_falls_to_a_fifth_at_a_sixth_a_third_and_a_half():
    rate = make(steps=60).optimiser.schedule
    expected = {1: 1e-3, 10: 1e-3, 11: 2e-4, 20: 2e-4, 21: 4e-5, 30: 4e-5, 31: 8e-6, 60: 8e-6}
    assert {number: rate(number) for number in expected} == pytest.approx(expected)


def test_a_step_trains_the_running_statistics_that_evaluation_uses():
    method = make().eval()
    method.step(batch(), 1)
    running = [value for name, value in method.named_buffers() if name.endswith("running_mean")]
    assert len(running) == 2
    assert all(value.any() for value in running)


@pytest.mark.parametrize("normalisation", ["batch-torch", "instance"])
def test_tiles_equal_the_whole(normalisation):
    method = make(normalisation=normalisation).float()
    method.step({kind: value.float() for kind, value in batch().items()}, 1)
    denoiser = method.denoiser.eval()
    image = torch.randn(60, 75).mul(0.4).numpy()
    whole = denoise_plane(denoiser, image, 1e12).image
    tiled = denoise_plane(denoiser, image, denoiser.bytes_per_pixel * 30**2).image
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)


def test_settings_that_cannot_work_are_refused_or_warned_of():
    with pytest.raises(InputError, match="unknown norm 'batsh'"):
        make_recipe("dncnn", settings={"normalisation": "batsh"}).check()
    with pytest.raises(InputError, match="32 channels in a group"):
        make_recipe("dncnn", settings={"normalisation": "group", "width": 48}).check()
    (warning,) = make_recipe("dncnn", settings={"batch": 4}).check()
    assert "4 patches hardly give" in warning
    assert make_recipe("dncnn", settings={"batch": 4, "normalisation": "layer"}).check() == []
    assert make_recipe("dncnn", "quick").check() == []


def test_learns_to_denoise(learned):
    before, after = learned("dncnn", steps=150, batch=2, width=8, depth=4, learning_rate=1e-2, average=0.95)
    assert after > before + 3.5
