from __future__ import annotations

import pytest
import torch
from learning import gain_on_flat

from pellucid.methods import Supervision, build, make_recipe

TINY = {"width": 4, "batch": 2, "patch": 32}


def make(**settings):
    return build(make_recipe("noise2kernel", settings={**TINY, **settings}))


def test_learns_from_noisy_images_alone():
    assert (make().supervision, make().kinds) == (Supervision.NOISY, ("noisy",))


@pytest.mark.parametrize("name", ["mse", "l1"])
def test_losses_equal_their_formulas(name):
    method, x = make(loss=name), torch.rand(2, 1, 12, 9)
    output = method.denoiser.network(x)
    apart = output - x
    vertical = (output[:, :, 1:] - output[:, :, :-1]).abs().sum() / (2 * 11 * 9)
    horizontal = (output[..., 1:] - output[..., :-1]).abs().sum() / (2 * 12 * 8)
    losses = method.losses(x)
    torch.testing.assert_close(losses["likeness"], (apart**2 if name == "mse" else apart.abs()).mean())
    torch.testing.assert_close(losses["smoothness"], vertical + horizontal)


def test_the_smoothness_has_its_weight():
    given = {"noisy": 2 * torch.rand(2, 1, 32, 32) - 1}
    moved = []
    for weight in (0.0, 0.0, 50.0):
        method = make(smoothness=weight)
        for number in (1, 2):
            losses = method.step(given, number)
        moved.append(float(losses["smoothness"]))
    assert moved[0] == moved[1] != moved[2]


def test_no_pixel_sees_itself_when_denoising_either():
    x = torch.rand(1, 1, 48, 48, dtype=torch.float64, requires_grad=True)
    image = make().double().eval().denoiser.estimate(x)
    for row, column in ((24, 24), (0, 0), (47, 13), (30, 1)):
        (slope,) = torch.autograd.grad(image[0, 0, row, column], x, retain_graph=True)
        assert slope[0, 0, row, column] == 0
        assert slope.abs().sum() > 0


def test_the_hole_stays_while_learning():
    method = make()
    hole = method.denoiser.network.first[0].weight[:, :, 1, 1].detach().clone()
    for number in (1, 2, 3):
        method.step({"noisy": torch.rand(2, 1, 32, 32)}, number)
    assert torch.equal(method.denoiser.network.first[0].weight[:, :, 1, 1], hole)
    x = torch.rand(1, 1, 48, 48, dtype=torch.float64, requires_grad=True)
    method.double().eval().denoiser.estimate(x)[0, 0, 20, 20].backward()
    assert x.grad[0, 0, 20, 20] == 0


def test_flattens_a_flat_image():
    assert gain_on_flat("noise2kernel", **TINY, steps=60, learning_rate=1e-2) > 6


def test_learns_to_denoise_tissue(learned):
    before, after = learned("noise2kernel", width=8, batch=2, learning_rate=5e-3, steps=80)
    assert after > before + 4
