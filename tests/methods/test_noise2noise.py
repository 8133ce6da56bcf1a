from __future__ import annotations

import math

import pytest
import torch
from learning import gain_on_flat

from pellucid.errors import InputError
from pellucid.methods import Supervision, build, make_recipe

TINY = {"width": 6, "batch": 2, "patch": 32}


def test_learns_from_noisy_pairs():
    method = build(make_recipe("noise2noise", settings=TINY))
    assert (method.supervision, method.kinds) == (Supervision.NOISY_PAIRS, ("noisy", "pairs"))


@pytest.mark.parametrize("name", ["mse", "l1"])
def test_loss_is_the_distance_from_the_other_copy_on_half_the_scale(name):
    method = build(make_recipe("noise2noise", settings={**TINY, "loss": name}))
    noisy, other = torch.rand(2, 2, 1, 32, 32).mul(2).sub(1)
    apart = (method.denoiser.estimate(noisy) - other).detach() / 2
    expected = apart.square().mean() if name == "mse" else apart.abs().mean()
    torch.testing.assert_close(method.loss(noisy, other).detach(), expected)
    torch.testing.assert_close(method.step({"noisy": noisy, "pairs": other}, 1)["loss"], expected)


def test_every_parameter_learns():
    method = build(make_recipe("noise2noise", settings=TINY))
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method.step({"noisy": torch.randn(2, 1, 32, 32), "pairs": torch.randn(2, 1, 32, 32)}, 1)
    assert all(not torch.equal(value, before[name]) for name, value in method.state_dict().items())


def test_the_rate_is_the_published_one():
    method = build(make_recipe("noise2noise", settings={**TINY, "steps": 1000}))
    rate = method.adam.schedule
    assert rate(1) == rate(700) == 3e-4
    assert rate(850) == pytest.approx(3e-4 * (0.5 + 0.5 * math.cos(math.pi / 2)) ** 2)
    assert rate(1000) == pytest.approx(0, abs=1e-12)
    assert method.adam.inner.defaults["betas"] == (0.9, 0.99)


@pytest.mark.parametrize("settings", [{"patch": 48}, {"width": 20}])
def test_sizes_that_cannot_work_are_refused(settings):
    with pytest.raises(InputError, match="multiple of"):
        make_recipe("noise2noise", settings=settings)


def test_flattens_a_flat_image():
    assert gain_on_flat("noise2noise", width=6, batch=2, patch=32, steps=30) > 6


def test_learns_to_denoise_tissue(learned):
    before, after = learned("noise2noise", width=12, batch=2, steps=30)
    assert after > before + 5
