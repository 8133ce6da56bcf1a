from __future__ import annotations

import pytest
import torch
from torch.nn.functional import l1_loss

from pellucid.errors import InputError
from pellucid.methods import build, make_recipe
from pellucid.methods.losses.laplace import laplace_scale_loss

TINY = {"width": 4, "depth": 2, "batch": 2, "patch": 32, "steps": 20}


def test_losses_are_those_of_the_estimate_and_of_its_error():
    method = build(make_recipe("student", settings=TINY))
    noisy, truth = torch.rand(2, 2, 1, 32, 32) * 2 - 1
    with torch.no_grad():
        estimate, log_error = method.denoiser.with_error(noisy)
    losses = method.step({"noisy": noisy, "pairs": truth}, 1)
    torch.testing.assert_close(losses["error"], l1_loss(estimate, truth))
    torch.testing.assert_close(losses["expected_error"], laplace_scale_loss(log_error, estimate - truth))
    assert not any(loss.requires_grad for loss in losses.values())


def test_the_estimate_needs_no_predicted_error(monkeypatch):
    denoiser = build(make_recipe("student", settings=TINY)).denoiser
    noisy = torch.rand(1, 1, 32, 32) * 2 - 1
    expected, _ = denoiser.with_error(noisy)
    monkeypatch.delattr(type(denoiser.error), "forward")
    torch.testing.assert_close(denoiser.estimate(noisy), expected, rtol=0, atol=0)
    torch.testing.assert_close(denoiser(noisy), expected.clamp(-1, 1), rtol=0, atol=0)


def test_a_short_training_beats_the_noisy_image_by_5_db(learned):
    before, after = learned("student", width=8, depth=2, batch=8, patch=32, steps=100, learning_rate=0.03)
    assert after > before + 5


@pytest.mark.parametrize(("setting", "value"), [("width", 6), ("patch", 40)])
def test_sizes_that_do_not_fit_are_refused(setting, value):
    with pytest.raises(InputError, match=f"{setting}={value}: input should be a multiple of"):
        make_recipe("student", settings={setting: value})
