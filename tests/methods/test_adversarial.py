from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import nn

from pellucid.methods.adversarial import OBJECTIVES, ObjectiveName, objective

J = torch.tensor([[-2.0], [-0.5], [0.25], [3.0]])

WRITTEN_OUT = {
    "hinge-published": (lambda j: max(0, 1 - j), lambda j: max(0, j), lambda j: -j),
    "hinge": (lambda j: max(0, 1 - j), lambda j: max(0, 1 + j), lambda j: -j),
    "lsgan": (lambda j: (j - 1) ** 2, lambda j: j**2, lambda j: (j - 1) ** 2),
    "wgan": (lambda j: -j, lambda j: j, lambda j: -j),
    "wgan-gp": (lambda j: -j, lambda j: j, lambda j: -j),
}


def test_every_objective_has_a_name():
    assert set(get_args(ObjectiveName)) == set(OBJECTIVES) == set(WRITTEN_OUT)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_losses_equal_the_formulas(name):
    game = objective(name)
    for ours, formula in zip((game.real, game.fake, game.fool), WRITTEN_OUT[name], strict=True):
        assert float(ours(J)) == pytest.approx(sum(formula(float(j)) for j in J) / 4)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_only_wgan_clips(name):
    judge = nn.Linear(4, 4)
    nn.init.constant_(judge.weight, 0.3)
    objective(name).limit([judge])
    assert float(judge.weight.detach().abs().max()) == pytest.approx(0.01 if name == "wgan" else 0.3)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_only_wgan_gp_pays_for_a_slope_other_than_1(name):
    real, fake = torch.randn(2, 3, 1, 4, 4)
    steep = 2.5 / 4  # over 16 pixels: a slope of norm 2.5
    penalty = objective(name).penalty(lambda x: steep * x.sum((1, 2, 3)), real, fake)
    assert float(penalty) == pytest.approx(10 * 1.5**2 if name == "wgan-gp" else 0, rel=1e-5)


def test_the_penalty_teaches_the_judge():
    judge = nn.Sequential(nn.Conv2d(1, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))
    real, fake = torch.randn(2, 3, 1, 8, 8)
    objective("wgan-gp").penalty(judge, real, fake).backward()
    assert judge[0].weight.grad.abs().max() > 0
